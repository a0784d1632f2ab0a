// Conv, ConvTranspose, Gemm and MatMul seen alike: where their weights have input and output channels, and where their bias goes.
import type { Model, Node, Value } from '../../src/ir/index.js';
import type { Tensor } from '../../src/tensor/index.js';

export interface LinearOperator {
  readonly node: Node;
  readonly weight: Value;
  readonly tensor: Tensor;
  /** What it computes, its bias included. */
  readonly output: Value;
  /** The input that takes the bias: of the node itself, or of the Add behind a MatMul; null for a MatMul without one. */
  readonly biasSlot: { readonly node: Node; readonly index: number } | null;
  /** Bias per output channel as it is added (zeros where there is none). */
  readonly bias: Float64Array;
  /** What multiplies the weights beside themselves (Gemm's alpha). */
  readonly alpha: number;
  readonly outputChannels: number;
  readonly inputChannels: number;
  /** Axes of the output; null where that depends on the input. Its channels lie along `channelAxis` (−1: the last). */
  readonly outputRank: number | null;
  readonly channelAxis: number;
  /** The channels of row `row` of the weights, a row being one element of the first two axes. */
  outputChannelOf(row: number): number;
  inputChannelOf(row: number): number;
}

type Layout = Pick<
  LinearOperator,
  'outputChannels' | 'inputChannels' | 'outputRank' | 'channelAxis' | 'outputChannelOf' | 'inputChannelOf'
>;

/** The operator that computes `value`, a MatMul also by way of the Add of its bias; null for any other operator. */
export function linearBefore(value: Value | null, model: Model): LinearOperator | string | null {
  const { producer } = value ?? {};
  if (!producer) return null;
  if (!producer.is('Add')) return linearAt(producer, model);
  const index = producer.inputs.findIndex((input) => model.constantOf(input) !== null);
  const matmul = producer.input(1 - index)?.producer;
  if (index < 0 || !matmul?.is('MatMul') || matmul.output.uses.size > 1 || matmul.output.isGraphOutput) return null;
  return linearAt(matmul, model, { node: producer, index });
}

/** `node` as linear operator; the reason when its weights cannot be changed; null when it is another operator. */
export function linearAt(
  node: Node,
  model: Model,
  add: LinearOperator['biasSlot'] = null,
): LinearOperator | string | null {
  if (!node.is('Conv', 'ConvTranspose', 'Gemm', 'MatMul')) return null;
  const weight = node.input(1);
  const tensor = model.constantOf(weight);
  if (!weight || !tensor) return `the weights of ${node.opType} are not constant`;
  if (tensor.dataType !== 'float32' && tensor.dataType !== 'float16') {
    return `the weights of ${node.opType} are ${tensor.dataType}`;
  }
  if (weight.uses.size > 1 || weight.isGraphOutput) return `the weights of ${node.opType} are used elsewhere too`;
  const layout = layoutOf(node, tensor.shape);
  if (typeof layout === 'string') return layout;
  const biasSlot = node.is('MatMul') ? add : { node, index: 2 };
  const bias = readBias(biasSlot, layout.outputChannels, model);
  if (typeof bias === 'string') return bias;
  const alpha = node.is('Gemm') ? node.attributes.float('alpha', 1) : 1;
  return { node, weight, tensor, output: (add?.node ?? node).output, biasSlot, bias, alpha, ...layout };
}

function layoutOf(node: Node, shape: readonly number[]): Layout | string {
  const [first, second] = shape;
  const group = node.attributes.int('group', 1);
  switch (node.opType) {
    case 'Conv':
      return {
        outputChannels: first,
        inputChannels: second * group,
        outputRank: shape.length,
        channelAxis: 1,
        outputChannelOf: (row) => Math.floor(row / second),
        inputChannelOf: (row) => Math.floor(Math.floor(row / second) / (first / group)) * second + (row % second),
      };
    case 'ConvTranspose':
      return {
        outputChannels: second * group,
        inputChannels: first,
        outputRank: shape.length,
        channelAxis: 1,
        outputChannelOf: (row) => Math.floor(Math.floor(row / second) / (first / group)) * second + (row % second),
        inputChannelOf: (row) => Math.floor(row / second),
      };
    case 'Gemm':
      return matrixLayout(first, second, node.attributes.int('transB', 0) !== 0, 2);
    default:
      if (shape.length !== 2) return `the weights of MatMul have ${shape.length} axes`;
      return matrixLayout(first, second, false, null);
  }
}

function matrixLayout(rows: number, columns: number, transposed: boolean, outputRank: number | null): Layout {
  const rowOf = (row: number): number => Math.floor(row / columns);
  const columnOf = (row: number): number => row % columns;
  return {
    outputChannels: transposed ? rows : columns,
    inputChannels: transposed ? columns : rows,
    outputRank,
    channelAxis: outputRank === null ? -1 : 1,
    outputChannelOf: transposed ? rowOf : columnOf,
    inputChannelOf: transposed ? columnOf : rowOf,
  };
}

function readBias(slot: LinearOperator['biasSlot'], channels: number, model: Model): Float64Array | string {
  const bias = new Float64Array(channels);
  const value = slot?.node.input(slot.index);
  if (!slot || !value) return bias;
  const tensor = model.constantOf(value);
  if (!tensor) return `the bias of ${slot.node.opType} is not constant`;
  const stored = tensor.readFloat32();
  // One row of a matrix, or of a MatMul's output of any rank.
  const widens = tensor.shape.length > (slot.node.is('Gemm') ? 2 : 1);
  if (widens || (stored.length !== 1 && (stored.length !== channels || tensor.shape.at(-1) !== channels))) {
    return `the bias of ${slot.node.opType} is not per channel`;
  }
  const beta = slot.node.is('Gemm') ? slot.node.attributes.float('beta', 1) : 1;
  return bias.map((_, channel) => beta * stored[stored.length === 1 ? 0 : channel]);
}
