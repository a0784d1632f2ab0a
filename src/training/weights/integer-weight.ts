// Weights that a quantized model holds as integers: those behind DequantizeLinear.
import type { Node } from '../../ir/index.js';
import { constantSource } from '../../ops/index.js';
import type { Tensor } from '../../tensor/index.js';
import { type IntegerGrid, isIntegerType, readIntegers, scalePositions, stepsOf } from './integer-grid.js';
import { isScaleOfOne, scalesOfProduct } from './learned-scales.js';

/** A weight that a model holds as integers and a scale. */
export interface IntegerWeight extends IntegerGrid {
  /** Of the initializer that holds the integers. */
  readonly holder: string;
  /** Name of the initializer that holds the scale, and what it held. */
  readonly scale: string;
  readonly storedScales: Float32Array;
  /** What elements are multiples of, by position, and the stored scale that it is proportional to. */
  readonly scales: Float32Array;
  readonly storedOf: (position: number) => number;
  /** The scale is trained, for this weight alone. */
  readonly learned: boolean;
  /** Biases in INT32: values are moved, which are many steps. */
  readonly fine: boolean;
  /** Names of the scales whose product the scale is. */
  readonly product: { readonly activation: string; readonly weight: string } | null;
}

/** Names of scales whose product is the scale of a bias that cannot follow them. */
export function scalesThatStay(nodes: readonly Node[]): ReadonlySet<string> {
  return new Set(
    nodes.flatMap((node) => {
      const [scale, product] = [node.input(1), scalesOfProduct(node)];
      if (!scale || !product || !constantSource(node.input(0))) return [];
      const follows = isScaleOfOne(scale) && [1, scale.constant!.size].includes(product.weight.constant!.size);
      return follows ? [] : [product.activation.name, product.weight.name];
    }),
  );
}

/** What a DequantizeLinear decodes, where it is a weight. `fixed`: scales that are not trained; null: none is. */
export function decodedWeight(node: Node, fixed: ReadonlySet<string> | null): IntegerWeight | null {
  const source = constantSource(node.input(0));
  const scale = node.input(1);
  const zeroPoint = node.input(2) ? constantSource(node.input(2)) : null;
  if (!source?.value.isInitializer || scale?.constant?.dataType !== 'float32' || (node.input(2) && !zeroPoint)) {
    return null;
  }
  const { dataType, shape } = source.tensor;
  const decodes = [...source.value.uses].every(({ node: user }) => user.is('Cast', 'DequantizeLinear'));
  if (!isIntegerType(dataType) || !decodes || source.path.some(({ opType }) => opType !== 'Cast')) return null;
  const own = fixed !== null && !fixed.has(scale.name) && isScaleOfOne(scale);
  const fine = dataType === 'int32';
  const product = own && fine ? scalesOfProduct(node) : null;
  return {
    holder: source.value.name,
    dataType,
    shape,
    scale: scale.name,
    storedScales: scale.constant.readFloat32().slice(),
    scales: scale.constant.readFloat32().slice(),
    storedOf: (position) => position,
    zeroPoints: zeroPoint && readIntegers(zeroPoint.tensor),
    scaleOf: scalePositions(shape, scale.constant.shape, node.attributes.int('axis', 1)),
    learned: own && !fine && source.value.uses.size === 1,
    fine,
    product: product && { activation: product.activation.name, weight: product.weight.name },
  };
}

/** Values of the integers in `tensor`. */
export function decodedValues(weight: IntegerWeight, tensor: Tensor): Float32Array {
  return stepsOf(weight, tensor).map((steps, i) => steps * weight.scales[weight.scaleOf(i)]);
}
