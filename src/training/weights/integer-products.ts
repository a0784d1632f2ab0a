// Weights that a quantized model decodes by standard operators, as floats for training: integers, in 8 bits or packed in 4 and multiplied by an integer for each block, times
// float scales. Either a product of integers is scaled (DynamicQuantizeLinear, MatMulInteger or ConvInteger, Cast, Mul by both scales), which becomes one of floats with the
// activations rounded as they are and straight-through gradients (Bengio et al. 2013), or the weight is (Cast, Mul).
import { type Graph, intsAttribute, type Node, type Value } from '../../ir/index.js';
import { type ConstantSource, constantSource } from '../../ops/index.js';
import { separateProducts } from '../../quantization/index.js';
import { NodeInserter } from '../../rewrite/index.js';
import { float32Tensor, type Tensor } from '../../tensor/index.js';
import { type IntegerType, isIntegerType, readIntegers, scalePositions } from './integer-grid.js';
import type { IntegerWeight } from './integer-weight.js';
import { isScaleOfOne } from './learned-scales.js';

/** Makes the float for a weight, an initializer of the shape that its integers have as a matrix. */
export type AddLatent = (name: string, weight: IntegerWeight, integers: Tensor) => Value;

/** Puts floats in the place of all such weights of `graph`. */
export function floatWeights(graph: Graph, learnScales: boolean, addLatent: AddLatent): void {
  separateProducts(graph);
  floatProducts(graph, learnScales, addLatent);
  for (const node of [...graph.nodes()].filter((each) => each.is('Mul'))) {
    const parts = scaledIntegers(node);
    const found = parts && storedMatrix(parts.integers);
    if (!found || node.output.isGraphOutput) continue;
    const learned = learnScales && isScaleOfOne(parts.scale);
    const weight = weightOf(found, { scale: parts.scale, zeroPoint: null, learned });
    if (weight) node.output.replaceAllUsesWith(addLatent(node.output.name, weight, found.integers.tensor));
  }
  removeUnused(graph);
}

/** Products whose place others have taken. */
function removeUnused(graph: Graph): void {
  for (const node of [...graph.nodes()].reverse()) {
    if (node.outputs.every((output) => !output?.isUsed)) graph.remove(node);
  }
}

/** Of Mul(Cast(integers), scale). */
function scaledIntegers(node: Node): { readonly integers: Value; readonly scale: Value } | null {
  const cast = node.input(0)?.producer;
  const [integers, scale] = [cast?.is('Cast') ? cast.input(0) : null, node.input(1)];
  if (!integers || scale?.constant?.dataType !== 'float32' || onlyUser(node.input(0)!) !== node) return null;
  return { integers, scale };
}

function floatProducts(graph: Graph, learnScales: boolean, addLatent: AddLatent): void {
  const latents = new Map<Value, Value | null>();
  for (const product of [...graph.nodes()].filter((node) => node.is('ConvInteger'))) {
    floatConvolution(product, learnScales, addLatent);
  }
  for (const product of [...graph.nodes()].filter((node) => node.is('MatMulInteger'))) {
    const parts = partsOf(product);
    if (!parts) continue;
    const { activation, scaled, scale } = parts;
    const integers = product.input(1)!;
    if (!latents.has(integers)) {
      const transposed = transposes(integers);
      const found = storedMatrix(transposed ? integers.producer!.input(0)! : integers);
      const learned = learnScales && usersShare(integers, scale);
      const weight = found && weightOf(found, { scale, zeroPoint: product.input(3), learned, transposed });
      latents.set(integers, weight ? addLatent(product.output.name, weight, found.integers.tensor) : null);
    }
    const latent = latents.get(integers);
    if (!latent) continue;
    const nodes = new NodeInserter(scaled, `training/${product.output.name}`);
    const restored = restoredActivation(activation, nodes);
    const perm = { attributes: { perm: intsAttribute([1, 0]) } };
    const matrix = transposes(integers) ? nodes.add('Transpose', [latent], 'matrix', perm) : latent;
    takePlace(scaled, nodes.add('MatMul', [restored, matrix], 'product'), nodes);
  }
}

function restoredActivation(activation: Node, nodes: NodeInserter): Value {
  const [quantized, scale, zeroPoint] = activation.outputs as readonly Value[];
  return nodes.add('DequantizeLinear', [quantized, scale, zeroPoint], 'activation');
}

/** Conv of the activations as they were rounded: padding with the zero point is padding with 0. */
function floatConvolution(product: Node, learnScales: boolean, addLatent: AddLatent): void {
  const parts = partsOf(product);
  const kernels = parts && constantSource(product.input(1));
  if (!kernels || !isTrainable(kernels)) return;
  const { activation, scaled, scale } = parts;
  const weight = kernelsOf(kernels, {
    scale,
    zeroPoint: product.input(3),
    learned: learnScales && usersShare(product.input(1)!, scale),
  });
  if (!weight) return;
  const nodes = new NodeInserter(scaled, `training/${product.output.name}`);
  const inputs = [restoredActivation(activation, nodes), addLatent(product.output.name, weight, kernels.tensor)];
  const attributes = product.attributes.toObject();
  takePlace(scaled, nodes.add('Conv', inputs, 'product', { attributes }), nodes);
}

/** What `node` computed is `value` from now on; an output keeps its name. */
function takePlace(node: Node, value: Value, nodes: NodeInserter): void {
  if (!node.output.isGraphOutput) node.output.replaceAllUsesWith(value);
  else {
    node.replaceInput(0, value);
    node.replaceInput(1, nodes.graph.addInitializer(`${value.name}/one`, float32Tensor([], Float32Array.of(1))));
  }
}

interface ProductParts {
  /** The DynamicQuantizeLinear. */
  readonly activation: Node;
  /** The Mul by both scales. */
  readonly scaled: Node;
  /** Of the weight: one, or one for each column. */
  readonly scale: Value;
}

/** What belongs to a product; null where it is not of this form. */
function partsOf(product: Node): ProductParts | null {
  const activation = product.input(0)?.producer;
  if (!activation?.is('DynamicQuantizeLinear') || product.input(2)?.producer !== activation) return null;
  const cast = onlyUser(product.output);
  const scaled = cast?.is('Cast') ? onlyUser(cast.output) : null;
  if (!cast || !scaled?.is('Mul')) return null;
  const scales = scaled.inputs.find((input) => input?.producer !== cast)?.producer;
  if (!scales?.is('Mul')) return null;
  const scale = scales.inputs.find((input) => input !== activation.outputs[1]);
  if (!scales.inputs.includes(activation.outputs[1]) || scale?.constant?.dataType !== 'float32') return null;
  return { activation, scaled, scale };
}

function onlyUser({ uses, isGraphOutput }: Value): Node | null {
  return uses.size === 1 && !isGraphOutput ? [...uses][0].node : null;
}

function transposes(integers: Value): boolean {
  return integers.producer?.is('Transpose') === true;
}

/** Whether all products with these integers, and nothing else, are scaled by `scale`. */
function usersShare(integers: Value, scale: Value): boolean {
  const scales = [...integers.uses].map(({ node }) =>
    node.is('MatMulInteger', 'ConvInteger') ? partsOf(node)?.scale : null,
  );
  return (
    scale.isInitializer &&
    !scale.isGraphOutput &&
    scales.every((other) => other === scale) &&
    scale.uses.size === scales.length
  );
}

/** Kernels [M, C / group, …] with one scale, or one for each of the M; null where scales lie otherwise. */
function kernelsOf(
  { value, tensor }: ConstantSource,
  { scale, zeroPoint: zero, learned }: Scaling,
): IntegerWeight | null {
  const zeroPoint = zero ? constantSource(zero)?.tensor : null;
  const { dataType, shape } = tensor;
  const storedScales = scale.constant!.readFloat32().slice();
  const ofChannels = shape.length - 1;
  const own = scale.constant!.shape;
  const alongKernels = own.length >= ofChannels && own[own.length - ofChannels] === storedScales.length;
  const zeroPoints = zeroPoint ? zeroPointsOf(zeroPoint, storedScales.length) : null;
  if (!isIntegerType(dataType) || (zero && !zeroPoints)) return null;
  if (storedScales.length !== 1 && !(alongKernels && storedScales.length === shape[0])) return null;
  return {
    ...stored(value, dataType, scale, storedScales),
    shape,
    scales: storedScales,
    storedOf: same,
    scaleOf: scalePositions(shape, storedScales.length === 1 ? [] : [shape[0]], 0),
    zeroPoints,
    learned,
  };
}

/** One for each scale, of as many or of one for all; null where there are others. */
function zeroPointsOf(tensor: Tensor, scales: number): Float32Array | null {
  const zeroPoints = readIntegers(tensor);
  if (zeroPoints.length === scales) return zeroPoints;
  return zeroPoints.length === 1 ? new Float32Array(scales).fill(zeroPoints[0]) : null;
}

/** What every one of these weights has. */
function stored(holder: Value, dataType: IntegerType, scale: Value, storedScales: Float32Array) {
  return { holder: holder.name, dataType, scale: scale.name, storedScales, fine: false, product: null };
}

interface StoredMatrix {
  readonly integers: ConstantSource;
  readonly shape: readonly [number, number];
  /** An integer for each block; null without. */
  readonly multipliers: Multipliers | null;
}

/** Of integers that lie as [outer, blocks, length, inner]. */
interface Multipliers {
  /** [outer, blocks, inner] */
  readonly values: Float32Array;
  readonly length: number;
  readonly inner: number;
}

/** The matrix that `value` is: integers of one initializer, or Reshape(integers · multipliers). */
function storedMatrix(value: Value): StoredMatrix | null {
  const direct = constantSource(value);
  if (direct) {
    const [rows, columns] = direct.tensor.shape;
    const fits = direct.tensor.shape.length === 2 && isTrainable(direct);
    return fits ? { integers: direct, shape: [rows, columns], multipliers: null } : null;
  }
  const reshape = value.producer?.is('Reshape') ? value.producer : null;
  const product = reshape?.input(0)?.producer;
  const shape = reshape && constantSource(reshape.input(1))?.tensor.readNumbers();
  if (!product?.is('Mul') || shape?.length !== 2) return null;
  const [integers, factors] = [constantSource(product.input(0)), constantSource(product.input(1))];
  if (!integers || !factors || !isTrainable(integers) || integers.tensor.shape.length !== 4) return null;
  const [outer, blocks, length, inner] = integers.tensor.shape;
  const [rows, columns] = [Number(shape[0]), Number(shape[1])];
  if (factors.tensor.shape.join() !== [outer, blocks, 1, inner].join() || rows * columns !== integers.tensor.size)
    return null;
  return { integers, shape: [rows, columns], multipliers: { values: readIntegers(factors.tensor), length, inner } };
}

/** Integers that nothing but one matrix is made of. */
function isTrainable({ value, tensor, path }: ConstantSource): boolean {
  return (
    value.isInitializer &&
    value.uses.size === 1 &&
    isIntegerType(tensor.dataType) &&
    path.every(({ opType }) => opType === 'Cast' || opType === 'Identity')
  );
}

interface Scaling {
  /** One, or one for each row or column; where it is a list, for those of the matrix that is multiplied with. */
  readonly scale: Value;
  readonly zeroPoint: Value | null;
  readonly learned: boolean;
  /** The stored matrix is transposed before it is multiplied with. */
  readonly transposed?: boolean;
}

/** null where scales lie otherwise. */
function weightOf(
  { integers, shape, multipliers }: StoredMatrix,
  { scale, zeroPoint: zero, learned, transposed = false }: Scaling,
): IntegerWeight | null {
  const zeroPoint = zero ? constantSource(zero)?.tensor : null;
  const { dataType } = integers.tensor;
  if ((zero && !zeroPoint) || (zeroPoint && multipliers) || !isIntegerType(dataType)) return null;
  const storedScales = scale.constant!.readFloat32().slice();
  const ofElement = scaleOfElement(shape, scale.constant!.shape, transposed);
  const zeroPoints = zeroPoint ? zeroPointsOf(zeroPoint, storedScales.length) : null;
  if (!ofElement || (zeroPoint && !zeroPoints)) return null;
  return {
    ...stored(integers.value, dataType, scale, storedScales),
    ...(multipliers
      ? blockScales(multipliers, storedScales, ofElement)
      : { scales: storedScales, storedOf: same, scaleOf: ofElement }),
    // As the graph computes with it; what is written is packed in the same order.
    shape,
    storedShape: integers.tensor.shape,
    zeroPoints,
    learned,
  };
}

function same(position: number): number {
  return position;
}

/** Positions of element `i` of a matrix in a scale that is broadcast over it. */
function scaleOfElement(
  [rows, columns]: readonly [number, number],
  scale: readonly number[],
  transposed: boolean,
): ((i: number) => number) | null {
  const [ofRow, ofColumn] = [(i: number) => Math.floor(i / columns), (i: number) => i % columns];
  if (scale.every((length) => length === 1)) return () => 0;
  if (scale.length === 1) {
    if (scale[0] !== (transposed ? rows : columns)) return null;
    return transposed ? ofRow : ofColumn;
  }
  if (scale.length !== 2 || transposed) return null;
  if (scale[0] === 1) return scale[1] === columns ? ofColumn : null;
  return scale[1] === 1 && scale[0] === rows ? ofRow : null;
}

function blockScales(
  { values, length, inner }: Multipliers,
  storedScales: Float32Array,
  ofElement: (i: number) => number,
): Pick<IntegerWeight, 'scales' | 'storedOf' | 'scaleOf'> {
  const firstOf = (position: number): number => Math.floor(position / inner) * length * inner + (position % inner);
  const storedOf = (position: number): number => ofElement(firstOf(position));
  return {
    scales: values.map((factor, position) => factor * storedScales[storedOf(position)]),
    storedOf,
    scaleOf: (i) => {
      const block = Math.floor(i / (length * inner));
      return block * inner + (i % inner);
    },
  };
}
