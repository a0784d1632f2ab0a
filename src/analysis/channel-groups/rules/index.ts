// The rule of every operator that the dependency graph follows.
import type { Node } from '../../../ir/index.js';
import { byOperator } from '../../../ops/index.js';
import { labelOf, type OperatorRule } from '../rule.js';
import { groupQueryAttention, multiHeadAttention, onnxAttention, projectedAttention } from './attention.js';
import { elementwise, elementwiseFirst, scaled } from './elementwise.js';
import { convolution, einsum, gemm, matmul } from './linear.js';
import { concat, depthToSpace, expand, gather, pad, split, tile, transpose } from './moving.js';
import {
  groupNormalization,
  overAxis,
  overChannels,
  overTrailing,
  perChannel,
  skipNormalization,
} from './normalization.js';
import { pooling, reduction, resize } from './pooling.js';
import { recurrent } from './recurrent.js';
import { flatten, reshape, squeeze } from './reshaping.js';
import { slice } from './slice.js';

function each(rule: OperatorRule, ...opTypes: string[]): Record<string, OperatorRule> {
  return Object.fromEntries(opTypes.map((opType) => [opType, rule]));
}

const unary =
  'Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu';
const binary =
  'Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or PRelu Pow Sub Sum Where Xor';
const extended = ['BiasGelu', 'FastGelu', 'Gelu', 'QuickGelu'].map((name) => `com.microsoft::${name}`);

const rules: Readonly<Record<string, OperatorRule>> = {
  ...each(elementwise, ...unary.split(' '), ...binary.split(' '), ...extended),
  ...each(elementwiseFirst, 'Clip', 'Dropout'),
  ...each(scaled, 'QuantizeLinear', 'DequantizeLinear'),
  ...each(convolution, 'Conv', 'ConvTranspose', 'com.microsoft::FusedConv'),
  ...each(gemm, 'Gemm', 'com.microsoft::FusedGemm'),
  ...each(matmul, 'MatMul', 'com.microsoft::FusedMatMul'),
  Einsum: einsum,
  ...each(perChannel, 'BatchNormalization', 'InstanceNormalization'),
  GroupNormalization: groupNormalization,
  ...each(overTrailing, 'LayerNormalization', 'RMSNormalization', 'SimplifiedLayerNormalization'),
  ...each(
    skipNormalization,
    'com.microsoft::SkipLayerNormalization',
    'com.microsoft::SkipSimplifiedLayerNormalization',
  ),
  ...each(overAxis, 'Softmax', 'LogSoftmax', 'Hardmax', 'LpNormalization', 'CumSum'),
  LRN: overChannels,
  ...each(pooling, 'MaxPool', 'AveragePool', 'LpPool', 'GlobalMaxPool', 'GlobalAveragePool', 'GlobalLpPool'),
  ...each(resize, 'Resize', 'Upsample'),
  ...each(
    reduction,
    ...'L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare'.split(' ').map((name) => `Reduce${name}`),
    'ArgMax',
    'ArgMin',
  ),
  Reshape: reshape,
  Flatten: flatten,
  ...each(squeeze, 'Squeeze', 'Unsqueeze'),
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  Pad: pad,
  Expand: expand,
  Tile: tile,
  ...each(depthToSpace, 'DepthToSpace', 'SpaceToDepth'),
  ...each(recurrent, 'LSTM', 'GRU', 'RNN'),
  Attention: onnxAttention,
  'com.microsoft::Attention': projectedAttention,
  'com.microsoft::MultiHeadAttention': multiHeadAttention,
  'com.microsoft::GroupQueryAttention': groupQueryAttention,
  // The lengths it gives are followed where they are used.
  Shape: { relate() {} },
};

const quantized = /Integer|QLinear|NBits|^com\.microsoft::Q|DynamicQuantize/;

/** Whether `node` computes with quantized weights. */
export function isQuantized(node: Node): boolean {
  return quantized.test(node.qualifiedType);
}

const unknown: OperatorRule = {
  relate(node, relations) {
    const reason = isQuantized(node) ? 'is quantized already' : 'is not known to leave channels apart';
    relations.freezeNode(node, `${labelOf(node)} ${reason}`);
  },
};

export function ruleOf(node: Node): OperatorRule {
  return byOperator(rules, node.qualifiedType) ?? unknown;
}
