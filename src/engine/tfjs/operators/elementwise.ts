// Element-wise operators and comparisons, with ONNX's broadcasting, which is TensorFlow's.
import type { Tfjs, TfTensor } from '../backend.js';
import type { Operator, OperatorContext, OperatorTable } from '../operator.js';

type Unary = (tf: Tfjs, x: TfTensor, context: OperatorContext) => TfTensor;
type Binary = (tf: Tfjs, a: TfTensor, b: TfTensor) => TfTensor;

const unary =
  (compute: Unary): Operator =>
  (context) =>
    compute(context.tf, context.input(0), context);

const binary =
  (compute: Binary): Operator =>
  ({ tf, input }) =>
    compute(tf, input(0), input(1));

/** Any number of operands. */
const nary =
  (compute: Binary): Operator =>
  ({ tf, inputs, input }) =>
    inputs.slice(1).reduce<TfTensor>((result, _, index) => compute(tf, result, input(index + 1)), input(0));

const halfSqrt2 = Math.SQRT1_2;

export const elementwiseOperators: OperatorTable = {
  Abs: unary((tf, x) => tf.abs(x)),
  Neg: unary((tf, x) => tf.neg(x)),
  Exp: unary((tf, x) => tf.exp(x)),
  Log: unary((tf, x) => tf.log(x)),
  Sqrt: unary((tf, x) => tf.sqrt(x)),
  Reciprocal: unary((tf, x) => tf.reciprocal(x)),
  Sigmoid: unary((tf, x) => tf.sigmoid(x)),
  Tanh: unary((tf, x) => tf.tanh(x)),
  Relu: unary((tf, x) => tf.relu(x)),
  Erf: unary((tf, x) => tf.erf(x)),
  Sign: unary((tf, x) => tf.sign(x)),
  Floor: unary((tf, x) => tf.floor(x)),
  Ceil: unary((tf, x) => tf.ceil(x)),
  Round: unary((tf, x) => tf.round(x)),
  Sin: unary((tf, x) => tf.sin(x)),
  Cos: unary((tf, x) => tf.cos(x)),
  Tan: unary((tf, x) => tf.tan(x)),
  Sinh: unary((tf, x) => tf.sinh(x)),
  Cosh: unary((tf, x) => tf.cosh(x)),
  Softplus: unary((tf, x) => tf.softplus(x)),
  Softsign: unary((tf, x) => tf.div(x, tf.add(tf.abs(x), 1))),
  Not: unary((tf, x) => tf.logicalNot(x)),
  IsNaN: unary((tf, x) => tf.isNaN(x)),
  Identity: unary((_tf, x) => x.clone()),
  Dropout: unary((_tf, x) => x.clone()),
  Elu: unary((tf, x, { node }) => {
    const alpha = node.attributes.float('alpha', 1);
    return tf.where(tf.greater(x, 0), x, tf.mul(tf.sub(tf.exp(tf.minimum(x, 0)), 1), alpha));
  }),
  LeakyRelu: unary((tf, x, { node }) => tf.leakyRelu(x, node.attributes.float('alpha', 0.01))),
  HardSigmoid: unary((tf, x, { node }) =>
    hardSigmoid(tf, x, node.attributes.float('alpha', 0.2), node.attributes.float('beta', 0.5)),
  ),
  HardSwish: unary((tf, x) => tf.mul(x, hardSigmoid(tf, x, 1 / 6, 0.5))),
  Gelu: unary((tf, x, { node }) =>
    node.attributes.string('approximate', 'none') === 'tanh' ? geluTanh(tf, x) : geluErf(tf, x),
  ),
  'com.microsoft::Gelu': unary((tf, x) => geluErf(tf, x)),
  'com.microsoft::QuickGelu': unary((tf, x, { node }) =>
    tf.mul(x, tf.sigmoid(tf.mul(x, node.attributes.float('alpha', 1.702)))),
  ),
  Clip: ({ tf, input, inputs, node }) => {
    let x = input(0);
    const bounds = [
      inputs[1] ?? node.attributes.float('min', Number.NEGATIVE_INFINITY),
      inputs[2] ?? node.attributes.float('max', Number.POSITIVE_INFINITY),
    ];
    if (bounds[0] !== Number.NEGATIVE_INFINITY) x = tf.maximum(x, bounds[0]);
    if (bounds[1] !== Number.POSITIVE_INFINITY) x = tf.minimum(x, bounds[1]);
    return x === input(0) ? x.clone() : x;
  },
  Add: binary((tf, a, b) => tf.add(a, b)),
  Sub: binary((tf, a, b) => tf.sub(a, b)),
  Mul: binary((tf, a, b) => tf.mul(a, b)),
  Div: binary((tf, a, b) => tf.div(a, b)),
  Pow: binary((tf, a, b) => tf.pow(a, b)),
  PRelu: binary((tf, x, slope) => tf.add(tf.relu(x), tf.mul(tf.minimum(x, 0), slope))),
  Equal: binary((tf, a, b) => tf.equal(a, b)),
  Greater: binary((tf, a, b) => tf.greater(a, b)),
  GreaterOrEqual: binary((tf, a, b) => tf.greaterEqual(a, b)),
  Less: binary((tf, a, b) => tf.less(a, b)),
  LessOrEqual: binary((tf, a, b) => tf.lessEqual(a, b)),
  And: binary((tf, a, b) => tf.logicalAnd(a, b)),
  Or: binary((tf, a, b) => tf.logicalOr(a, b)),
  Xor: binary((tf, a, b) => tf.notEqual(a, b)),
  Max: nary((tf, a, b) => tf.maximum(a, b)),
  Min: nary((tf, a, b) => tf.minimum(a, b)),
  Sum: nary((tf, a, b) => tf.add(a, b)),
  Where: ({ tf, input }) => tf.where(tf.cast(input(0), 'bool'), input(1), input(2)),
  Cast: ({ tf, input, node }) => castTo(tf, input(0), node.attributes.int('to', 1)),
};

/** TensorProto.DataType; integers of all widths are int32 here, floats float32. */
function castTo(tf: Tfjs, x: TfTensor, code: number): TfTensor {
  if (code === 9) return tf.cast(x, 'bool');
  const float = [1, 10, 11, 16].includes(code);
  if (float) return tf.cast(x, 'float32');
  // From float towards zero, as ONNX has it; tfjs truncates too, but some backends round.
  return tf.cast(x.dtype === 'float32' ? tf.mul(tf.sign(x), tf.floor(tf.abs(x))) : x, 'int32');
}

function hardSigmoid(tf: Tfjs, x: TfTensor, alpha: number, beta: number): TfTensor {
  return tf.clipByValue(tf.add(tf.mul(x, alpha), beta), 0, 1);
}

function geluErf(tf: Tfjs, x: TfTensor): TfTensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, halfSqrt2)), 1));
}

function geluTanh(tf: Tfjs, x: TfTensor): TfTensor {
  const inner = tf.mul(tf.add(x, tf.mul(tf.mul(tf.mul(x, x), x), 0.044715)), Math.sqrt(2 / Math.PI));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
}
