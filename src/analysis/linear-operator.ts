// Conv, ConvTranspose, Gemm and MatMul with constant weights seen alike: y = W·x + b for every position, W one row per output channel.
import type { Model, Node, Value } from '../ir/index.js';
import { type ConstantSource, constantSource } from '../ops/index.js';
import { isFloat, type Tensor } from '../tensor/index.js';

export interface LinearOperator {
  readonly node: Node;
  readonly kind: 'conv' | 'conv-transpose' | 'matrix';
  /** The activation, and which input of the node it is. */
  readonly input: Value;
  readonly inputIndex: number;
  /** The weight as the node sees it, and which input of the node it is. */
  readonly weight: ConstantSource;
  readonly weightIndex: number;
  /** Whether nothing but this node uses the weight, so that it can be replaced without a copy. */
  readonly ownsWeight: boolean;
  readonly outputChannels: number;
  /** Length of a row of W: K of a matrix, input channels of a group × elements of the kernel of a convolution (in that order). */
  readonly rowLength: number;
  /** Groups of a convolution: output channel o belongs to group ⌊o · groups / outputChannels⌋. 1 for matrices. */
  readonly groups: number;
  /** The input that takes a bias: of the node itself, or of the Add right behind a MatMul; null for a MatMul without one. */
  readonly biasSlot: { readonly node: Node; readonly index: number } | null;
  /** What the node and, behind a MatMul, the Add of its bias compute. */
  readonly output: Value;
}

/** `node` seen as linear operator; the reason where its weights cannot be used so; null where it is another operator. */
export function linearOperator(node: Node, model: Model): LinearOperator | string | null {
  if (!node.is('Conv', 'ConvTranspose', 'Gemm', 'MatMul')) return null;
  const weightIndex = 1;
  const source = constantSource(node.input(weightIndex));
  const input = node.input(0);
  if (!source || !input) return 'its weight is computed while the model runs';
  if (source.value.isInitializer && model.constantOf(source.value) === null)
    return 'its weight can be replaced by the caller';
  if (!isFloat(source.dataType) || !isFloat(source.tensor.dataType)) return `its weight is ${source.tensor.dataType}`;
  const layout = layoutOf(node, source.shape);
  if (typeof layout === 'string') return layout;
  const biasSlot = node.is('MatMul') ? biasBehind(node, layout.outputChannels, model) : { node, index: 2 };
  const ownsWeight =
    source.value.uses.size === 1 &&
    !source.value.isGraphOutput &&
    source.path.every(({ output }) => output.uses.size === 1);
  return {
    node,
    ...layout,
    input,
    inputIndex: 0,
    weight: source,
    weightIndex,
    ownsWeight,
    biasSlot,
    output: (biasSlot?.node ?? node).output,
  };
}

type Layout = Pick<LinearOperator, 'kind' | 'outputChannels' | 'rowLength' | 'groups'>;

function layoutOf(node: Node, shape: readonly number[]): Layout | string {
  if (node.is('Gemm', 'MatMul')) {
    if (shape.length !== 2) return `its weight has ${shape.length} axes`;
    if (node.attributes.int('transA', 0) !== 0) return 'its activation is transposed';
    const [k, n] = node.attributes.int('transB', 0) !== 0 ? [shape[1], shape[0]] : shape;
    return { kind: 'matrix', outputChannels: n, rowLength: k, groups: 1 };
  }
  if (shape.length < 3) return `its weight has ${shape.length} axes`;
  const groups = node.attributes.int('group', 1);
  const [first, second, ...kernel] = shape;
  const elements = kernel.reduce((product, length) => product * length, 1);
  if (groups < 1 || first % groups !== 0) return `its ${first} channels do not fall into ${groups} groups`;
  return node.is('Conv')
    ? { kind: 'conv', outputChannels: first, rowLength: second * elements, groups }
    : { kind: 'conv-transpose', outputChannels: second * groups, rowLength: (first / groups) * elements, groups };
}

/** The Add of a constant of one value a channel (or one for all), where nothing else uses the product. */
function biasBehind(node: Node, channels: number, model: Model): LinearOperator['biasSlot'] {
  const { output } = node;
  if (output.uses.size !== 1 || output.isGraphOutput) return null;
  const [{ node: add, index }] = output.uses;
  if (!add.is('Add') || add.graph !== node.graph) return null;
  const bias = model.constantOf(add.input(1 - index));
  if (bias === null || bias.shape.length > 1 || (bias.size !== channels && bias.size !== 1)) return null;
  return { node: add, index: 1 - index };
}

/** W [outputChannels, rowLength], row-major, as float32. */
export function readRows(operator: LinearOperator): Float32Array {
  const { weight } = operator;
  const stored = weight.tensor.readFloat32();
  const order = rowOrder(operator);
  if (order === null) return stored;
  const rows = new Float32Array(stored.length);
  for (let i = 0; i < rows.length; i++) rows[i] = stored[order(i)];
  return rows;
}

/** W in the order in which the weight tensor is stored: the inverse of `readRows`. */
export function storeRows(operator: LinearOperator, rows: Float32Array): Float32Array {
  const order = rowOrder(operator);
  if (order === null) return rows;
  const stored = new Float32Array(rows.length);
  for (let i = 0; i < rows.length; i++) stored[order(i)] = rows[i];
  return stored;
}

/** The bias per output channel; zeros where there is none. Null where it is computed or not one value a channel. */
export function readBias({ biasSlot, outputChannels }: LinearOperator, model: Model): Float32Array | null {
  const value = biasSlot?.node.input(biasSlot.index) ?? null;
  if (!value) return new Float32Array(outputChannels);
  const tensor: Tensor | null = model.constantOf(value) ?? constantSource(value)?.tensor ?? null;
  if (!tensor || !isFloat(tensor.dataType)) return null;
  const perChannel = tensor.size === outputChannels && tensor.shape.at(-1) === outputChannels;
  if (!perChannel && tensor.size !== 1) return null;
  const stored = tensor.readFloat32();
  return perChannel ? Float32Array.from(stored) : new Float32Array(outputChannels).fill(stored[0]);
}

/** Where in the stored tensor element i of W lies; null where the two are the same. */
function rowOrder({
  kind,
  node,
  weight,
  outputChannels,
  rowLength,
  groups,
}: LinearOperator): ((i: number) => number) | null {
  const { shape, permutation, tensor } = weight;
  const strides = new Array<number>(shape.length);
  for (let axis = tensor.shape.length - 1, stride = 1; axis >= 0; stride *= tensor.shape[axis--])
    strides[axis] = stride;
  const seen = permutation.map((axis) => strides[axis]);
  const natural = permutation.every((axis, index) => axis === index);
  if (kind === 'matrix') {
    const [k, n] = node.attributes.int('transB', 0) !== 0 ? [seen[1], seen[0]] : seen;
    if (k === 1 && n === rowLength) return null;
    return (i) => Math.floor(i / rowLength) * n + (i % rowLength) * k;
  }
  if (kind === 'conv' && natural) return null;
  const kernel = shape.slice(2);
  const elements = kernel.reduce((product, length) => product * length, 1);
  const offsets = Array.from({ length: elements }, (_, element) => {
    let offset = 0;
    for (let axis = kernel.length - 1, rest = element; axis >= 0; axis--) {
      offset += (rest % kernel[axis]) * seen[axis + 2];
      rest = Math.floor(rest / kernel[axis]);
    }
    return offset;
  });
  const perGroup = outputChannels / groups;
  const inputsPerGroup = rowLength / elements;
  return (i) => {
    const channel = Math.floor(i / rowLength);
    const within = i % rowLength;
    const inputChannel = Math.floor(within / elements);
    const offset = offsets[within % elements];
    if (kind === 'conv') return channel * seen[0] + inputChannel * seen[1] + offset;
    const group = Math.floor(channel / perGroup);
    return (group * inputsPerGroup + inputChannel) * seen[0] + (channel % perGroup) * seen[1] + offset;
  };
}
