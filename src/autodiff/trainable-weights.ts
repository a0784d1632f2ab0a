// Which initializers of a model are parameters that training may change, told from where they go: a convolution's kernel is one, the 2 of a
// square, the mask of an attention and the statistics of a BatchNormalization are not.
import type { Graph, Node, Value } from '../ir/index.js';
import { byOperator } from '../ops/index.js';
import type { Tensor } from '../tensor/index.js';

/** Operand numbers that hold parameters. */
const parameterOperands: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [0, 1, 2],
  MatMul: [0, 1],
  Einsum: [0, 1, 2],
  BatchNormalization: [1, 2],
  LayerNormalization: [1, 2],
  InstanceNormalization: [1, 2],
  GroupNormalization: [1, 2],
  RMSNormalization: [1],
  SimplifiedLayerNormalization: [1],
  PRelu: [1],
  LSTM: [1, 2, 3, 7],
  GRU: [1, 2, 3],
  RNN: [1, 2, 3],
  Gather: [0],
  'com.microsoft::Attention': [1, 2],
  'com.microsoft::MultiHeadAttention': [3],
  'com.microsoft::FusedConv': [1, 2],
  'com.microsoft::BiasGelu': [1],
  'com.microsoft::FastGelu': [1],
  'com.microsoft::FusedMatMul': [0, 1],
  'com.microsoft::FusedGemm': [0, 1, 2],
  'com.microsoft::MatMulNBits': [5],
  'com.microsoft::DynamicQuantizeLSTM': [3, 7],
  'com.microsoft::SkipLayerNormalization': [2, 3, 4],
  'com.microsoft::SkipSimplifiedLayerNormalization': [2, 3],
};

/** What may lie between an initializer and where it is a parameter. */
const between: ReadonlySet<string> = new Set([
  'Identity',
  'Transpose',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Slice',
  'Split',
  'Cast',
  'QuantizeLinear',
  'DequantizeLinear',
]);

/** Additions to scores below this are masks. */
const maskValue = -1000;

/** The float32 initializers of the main graph that are parameters. */
export function findTrainableWeights(graph: Graph): Value[] {
  return [...graph.initializers].filter(({ constant, uses }) => {
    if (constant?.dataType !== 'float32' || constant.size === 0) return false;
    return [...uses].some(({ node, index }) => isParameter(node, index, constant, 0));
  });
}

function isParameter(node: Node, operand: number, tensor: Tensor, depth: number): boolean {
  if (byOperator(parameterOperands, node.qualifiedType)?.includes(operand)) {
    return node.opType !== 'Gather' || tensor.shape.length > 1;
  }
  if (node.is('Add', 'Sub', 'Mul', 'Div')) return isBias(node, tensor);
  if (operand !== 0 || !between.has(node.qualifiedType) || depth > 8) return false;
  return node.outputs.some((output) =>
    [...(output?.uses ?? [])].some((use) => isParameter(use.node, use.index, tensor, depth + 1)),
  );
}

/** A bias or scale lies along one axis; tables of positions are added and have two, but so may masks. */
function isBias(node: Node, tensor: Tensor): boolean {
  const { shape, size } = tensor;
  if (size < 2) return false;
  if (shape.filter((dim) => dim > 1).length === 1) return true;
  return node.is('Add') && shape.length <= 3 && tensor.readFloat32().every((value) => value > maskValue);
}
