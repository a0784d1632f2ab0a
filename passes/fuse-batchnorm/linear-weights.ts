// Conv, ConvTranspose, Gemm and MatMul seen alike: where their weights have input and output channels, and their bias.
import type { Node, Value } from '../../src/ir/index.js';
import { float32ToFloat16Array } from '../../src/numeric/index.js';
import { float32Tensor, MemoryTensor, type Tensor } from '../../src/tensor/index.js';

export interface LinearWeights {
  readonly weight: Value;
  readonly tensor: Tensor;
  /** Input that takes the bias; null for MatMul, which has none. */
  readonly biasIndex: number | null;
  /** Bias per output channel as it is added (zeros where there is none). */
  readonly bias: Float64Array;
  readonly outputChannels: number;
  readonly inputChannels: number;
  /** Leading axes of the weight that decide the two channels of a row. */
  readonly rowAxes: number;
  outputChannelOf(row: number): number;
  inputChannelOf(row: number): number;
}

/** Throws nothing: an operator that cannot be treated gives the reason. */
export function linearWeightsOf(node: Node): LinearWeights | string {
  const weight = node.input(1);
  const tensor = weight?.constant;
  if (!weight || !tensor) return `the weights of ${node.opType} are not constant`;
  if (tensor.dataType !== 'float32' && tensor.dataType !== 'float16')
    return `the weights of ${node.opType} are ${tensor.dataType}`;
  if (weight.uses.size > 1 || weight.isGraphOutput) return `the weights of ${node.opType} are used elsewhere too`;
  const shape = tensor.shape;
  switch (node.opType) {
    case 'Conv': {
      const [outputs, perGroup] = shape;
      const group = node.attributes.int('group', 1);
      const outputsPerGroup = outputs / group;
      return withBias(node, 2, {
        weight,
        tensor,
        outputChannels: outputs,
        inputChannels: perGroup * group,
        rowAxes: 2,
        outputChannelOf: (row) => Math.floor(row / perGroup),
        inputChannelOf: (row) => Math.floor(Math.floor(row / perGroup) / outputsPerGroup) * perGroup + (row % perGroup),
      });
    }
    case 'ConvTranspose': {
      const [inputs, perGroup] = shape;
      const group = node.attributes.int('group', 1);
      const inputsPerGroup = inputs / group;
      return withBias(node, 2, {
        weight,
        tensor,
        outputChannels: perGroup * group,
        inputChannels: inputs,
        rowAxes: 2,
        outputChannelOf: (row) => Math.floor(Math.floor(row / perGroup) / inputsPerGroup) * perGroup + (row % perGroup),
        inputChannelOf: (row) => Math.floor(row / perGroup),
      });
    }
    case 'Gemm': {
      if (node.attributes.int('transA', 0) !== 0) return 'Gemm transposes its input';
      const transposed = node.attributes.int('transB', 0) !== 0;
      const [rows, columns] = shape;
      // Alpha multiplies the weights in place, so a bias is compared with alpha·W.
      if (node.attributes.float('alpha', 1) !== 1) return 'Gemm has an alpha';
      return withBias(node, 2, {
        weight,
        tensor,
        outputChannels: transposed ? rows : columns,
        inputChannels: transposed ? columns : rows,
        rowAxes: 2,
        outputChannelOf: (row) => (transposed ? Math.floor(row / columns) : row % columns),
        inputChannelOf: (row) => (transposed ? row % columns : Math.floor(row / columns)),
      });
    }
    case 'MatMul': {
      if (shape.length !== 2) return `the weights of MatMul have ${shape.length} axes`;
      const type = node.input(0)?.type;
      if (type?.kind !== 'tensor' || type.shape?.length !== 2) return 'the input of MatMul is not known to have 2 axes';
      return withBias(node, null, {
        weight,
        tensor,
        outputChannels: shape[1],
        inputChannels: shape[0],
        rowAxes: 2,
        outputChannelOf: (row) => row % shape[1],
        inputChannelOf: (row) => Math.floor(row / shape[1]),
      });
    }
    default:
      return `${node.opType} has no weights to fold into`;
  }
}

function withBias(
  node: Node,
  biasIndex: number | null,
  weights: Omit<LinearWeights, 'bias' | 'biasIndex'>,
): LinearWeights | string {
  const bias = new Float64Array(weights.outputChannels);
  const value = biasIndex === null ? null : node.input(biasIndex);
  if (!value) return { ...weights, biasIndex, bias };
  if (!value.constant) return `the bias of ${node.opType} is not constant`;
  const stored = value.constant.readFloat32();
  if (stored.length !== 1 && (stored.length !== bias.length || value.constant.shape.at(-1) !== bias.length)) {
    return `the bias of ${node.opType} is not per channel`;
  }
  const beta = node.attributes.float('beta', 1);
  for (let channel = 0; channel < bias.length; channel++)
    bias[channel] = beta * stored[stored.length === 1 ? 0 : channel];
  return { ...weights, biasIndex, bias };
}

/** Gives `node` new weights and bias; a MatMul gets an Add behind it. Returns the value that carries the result. */
export function replaceLinearWeights(node: Node, linear: LinearWeights, tensor: Tensor, bias: Float64Array): Value {
  const graph = node.graph!;
  const old = linear.weight;
  node.replaceInput(1, graph.addInitializer(`${old.name}_fused`, tensor));
  const biasTensor =
    tensor.dataType === 'float16'
      ? new MemoryTensor('float16', [bias.length], float32ToFloat16Array(Float32Array.from(bias)))
      : float32Tensor([bias.length], Float32Array.from(bias));
  const biasValue = graph.addInitializer(`${old.name}_fused_bias`, biasTensor);
  if (linear.biasIndex === null) {
    const add = graph.insertAfter(node, {
      opType: 'Add',
      name: node.name && `${node.name}_bias`,
      inputs: [node.output, biasValue],
    });
    add.output.type = node.output.type;
    return add.output;
  }
  if (node.inputs.length <= linear.biasIndex) node.addInput(biasValue);
  else node.replaceInput(linear.biasIndex, biasValue);
  if (node.attributes.has('beta')) node.attributes.delete('beta');
  return node.output;
}
