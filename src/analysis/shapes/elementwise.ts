// Operators whose output has the shape of their inputs: broadcast together, or of the first one.
import { broadcast, type Known, mostValues, ofShape, sizeOf } from './known.js';
import type { Rule, Rules } from './rule.js';

/** Arithmetic that exporters do with shapes; the others keep shapes only. */
const arithmetic: Readonly<Record<string, (operands: readonly number[], integer: boolean) => number>> = {
  Add: ([a, b]) => a + b,
  Sub: ([a, b]) => a - b,
  Mul: ([a, b]) => a * b,
  Div: ([a, b], integer) => (integer ? Math.trunc(a / b) : a / b),
  Mod: ([a, b]) => a - b * Math.floor(a / b),
  Min: (operands) => Math.min(...operands),
  Max: (operands) => Math.max(...operands),
  Equal: ([a, b]) => Number(a === b),
  Less: ([a, b]) => Number(a < b),
  Greater: ([a, b]) => Number(a > b),
  LessOrEqual: ([a, b]) => Number(a <= b),
  GreaterOrEqual: ([a, b]) => Number(a >= b),
  And: ([a, b]) => Number(a !== 0 && b !== 0),
  Or: ([a, b]) => Number(a !== 0 || b !== 0),
  Not: ([a]) => Number(a === 0),
  Where: ([condition, a, b]) => (condition !== 0 ? a : b),
  Neg: ([a]) => -a,
  Abs: ([a]) => Math.abs(a),
  Floor: ([a]) => Math.floor(a),
  Ceil: ([a]) => Math.ceil(a),
  Sqrt: ([a]) => Math.sqrt(a),
};

/** Several inputs, broadcast. */
const broadcasting =
  'Pow Sum Mean Xor BitShift BitwiseAnd BitwiseOr BitwiseXor PRelu com.microsoft::BiasGelu com.microsoft::BiasSplitGelu';

/** The shape of the first input, whatever the others are. */
const shapedLikeFirst =
  'Acos Acosh Asin Asinh Atan Atanh BatchNormalization BitwiseNot Bernoulli CastLike Celu Clip Cos Cosh CumSum DequantizeLinear ' +
  'Dropout DynamicQuantizeLinear Elu Erf Exp Gelu GroupNormalization HardSigmoid HardSwish Hardmax InstanceNormalization IsInf IsNaN ' +
  'LRN LayerNormalization LeakyRelu Log LogSoftmax LpNormalization MeanVarianceNormalization Mish QuantizeLinear RMSNormalization ' +
  'Reciprocal Relu RotaryEmbedding Round Scatter ScatterElements ScatterND Selu Shrink Sigmoid Sign SimplifiedLayerNormalization Sin ' +
  'Sinh Softmax Softplus Softsign Swish Tan Tanh TensorScatter ThresholdedRelu Trilu com.microsoft::FastGelu com.microsoft::Gelu ' +
  'com.microsoft::QuickGelu com.microsoft::SkipLayerNormalization com.microsoft::SkipSimplifiedLayerNormalization ' +
  'com.microsoft::RotaryEmbedding com.microsoft::QLinearSigmoid com.microsoft::QLinearLeakyRelu';

const compute =
  (operation: (operands: readonly number[], integer: boolean) => number): Rule =>
  ({ inputs }) => {
    if (inputs.some((input) => !input)) return null;
    const known = inputs as readonly Known[];
    const shape = broadcast(known.map((input) => input.shape));
    if (!shape) return null;
    const integer = known.every((input) => input.integer);
    const size = sizeOf(shape);
    if (size > mostValues || known.some((input) => input.values === null)) return [ofShape(shape, integer)];
    const values = Array.from({ length: size }, (_, index) =>
      operation(
        known.map((input) => input.values![offsetIn(input.shape, shape, index)]),
        integer,
      ),
    );
    return [{ shape, values, integer }];
  };

/** Where the element at `index` of the broadcast `shape` lies in an operand of shape `operand`. */
function offsetIn(operand: readonly number[], shape: readonly number[], index: number): number {
  let offset = 0;
  let stride = 1;
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const position = rest % shape[axis];
    rest = Math.floor(rest / shape[axis]);
    const dim = operand[axis - shape.length + operand.length] ?? 1;
    if (dim !== 1) offset += position * stride;
    stride *= dim;
  }
  return offset;
}

const broadcastShapes: Rule = ({ inputs }) => {
  const known = inputs.filter((input) => input !== undefined);
  if (known.length < inputs.length) return null;
  const shape = broadcast(known.map((input) => input.shape));
  return shape && [ofShape(shape)];
};

const likeFirst: Rule = ({ node, inputs: [first] }) =>
  // Only the first output is certain to have that shape (masks and statistics follow), and it is the one that matters.
  first ? node.outputs.map((_, index) => (index === 0 ? ofShape(first.shape) : null)) : null;

const identity: Rule = ({ inputs: [input] }) => (input ? [input] : null);

const toInteger: ReadonlySet<number> = new Set([2, 3, 4, 5, 6, 7, 9, 12, 13]);

const cast: Rule = ({ node, inputs: [input] }) => {
  if (!input) return null;
  const to = node.attributes.get('to');
  const integer = to?.type === 'int' && toInteger.has(Number(to.value));
  return [{ ...input, integer, values: input.values && (integer ? input.values.map(Math.trunc) : input.values) }];
};

export const elementwiseRules: Rules = {
  ...Object.fromEntries(Object.entries(arithmetic).map(([name, operation]) => [name, compute(operation)])),
  ...Object.fromEntries(broadcasting.split(' ').map((name) => [name, broadcastShapes])),
  ...Object.fromEntries(shapedLikeFirst.split(' ').map((name) => [name, likeFirst])),
  Identity: identity,
  Cast: cast,
};
