// Reductions, softmax and normalization.
import type { Tfjs, TfTensor } from '../backend.js';
import { type Operator, type OperatorContext, type OperatorTable, resolveAxis } from '../operator.js';

type Reduce = (tf: Tfjs, x: TfTensor, axes: number[], keep: boolean) => TfTensor;

const reduction =
  (compute: Reduce): Operator =>
  (context) => {
    const { tf, input, node } = context;
    const x = input(0);
    const axes = axesOf(context, x.rank);
    if (axes.length === 0) return x.clone();
    return compute(tf, x, axes, node.attributes.int('keepdims', 1) !== 0);
  };

function axesOf({ node, inputs, numbers }: OperatorContext, rank: number): number[] {
  const given = node.attributes.ints('axes') ?? (inputs[1] ? numbers(1) : null);
  if (given && given.length > 0) return given.map((axis) => resolveAxis(axis, rank));
  if (node.attributes.int('noop_with_empty_axes', 0) !== 0) return [];
  return Array.from({ length: rank }, (_, axis) => axis);
}

export const reductionOperators: OperatorTable = {
  ReduceSum: reduction((tf, x, axes, keep) => tf.sum(x, axes, keep)),
  ReduceMean: reduction((tf, x, axes, keep) => tf.mean(x, axes, keep)),
  ReduceMax: reduction((tf, x, axes, keep) => tf.max(x, axes, keep)),
  ReduceMin: reduction((tf, x, axes, keep) => tf.min(x, axes, keep)),
  ReduceProd: reduction((tf, x, axes, keep) => tf.prod(x, axes, keep)),
  ReduceL1: reduction((tf, x, axes, keep) => tf.sum(tf.abs(x), axes, keep)),
  ReduceL2: reduction((tf, x, axes, keep) => tf.sqrt(tf.sum(tf.square(x), axes, keep))),
  ReduceSumSquare: reduction((tf, x, axes, keep) => tf.sum(tf.square(x), axes, keep)),
  ReduceLogSum: reduction((tf, x, axes, keep) => tf.log(tf.sum(x, axes, keep))),
  ReduceLogSumExp: reduction((tf, x, axes, keep) => tf.logSumExp(x, axes, keep)),
  ArgMax: arg((tf, x, axis) => tf.argMax(x, axis)),
  ArgMin: arg((tf, x, axis) => tf.argMin(x, axis)),
  Softmax: ({ tf, input, node }) => onLastAxis(tf, input(0), node.attributes.int('axis', -1), (x) => tf.softmax(x)),
  LogSoftmax: ({ tf, input, node }) =>
    onLastAxis(tf, input(0), node.attributes.int('axis', -1), (x) => {
      const shifted = tf.sub(x, tf.max(x, -1, true));
      return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), -1, true)));
    }),
  LayerNormalization: layerNormalization,
  BatchNormalization: ({ tf, input, node }) => {
    const x = input(0);
    const shape = x.shape.map((_, axis) => (axis === 1 ? -1 : 1));
    const [scale, bias, mean, variance] = [1, 2, 3, 4].map((index) => tf.reshape(input(index), shape));
    const factor = tf.mul(scale, tf.rsqrt(tf.add(variance, node.attributes.float('epsilon', 1e-5))));
    return tf.add(tf.mul(tf.sub(x, mean), factor), bias);
  },
  InstanceNormalization: ({ tf, input, node }) => {
    const x = input(0);
    const axes = Array.from({ length: x.rank - 2 }, (_, index) => index + 2);
    const shape = x.shape.map((_, axis) => (axis === 1 ? -1 : 1));
    const centred = tf.sub(x, tf.mean(x, axes, true));
    const variance = tf.mean(tf.square(centred), axes, true);
    const normalized = tf.mul(centred, tf.rsqrt(tf.add(variance, node.attributes.float('epsilon', 1e-5))));
    return tf.add(tf.mul(normalized, tf.reshape(input(1), shape)), tf.reshape(input(2), shape));
  },
};

function arg(compute: (tf: Tfjs, x: TfTensor, axis: number) => TfTensor): Operator {
  return ({ tf, input, node }) => {
    const x = input(0);
    const axis = resolveAxis(node.attributes.int('axis', 0), x.rank);
    const found = compute(tf, x, axis);
    return node.attributes.int('keepdims', 1) !== 0 ? tf.expandDims(found, axis) : found;
  };
}

function onLastAxis(tf: Tfjs, x: TfTensor, given: number, compute: (x: TfTensor) => TfTensor): TfTensor {
  const axis = resolveAxis(given, x.rank);
  if (axis === x.rank - 1) return compute(x);
  const order = x.shape.map((_, index) => index);
  [order[axis], order[x.rank - 1]] = [order[x.rank - 1], order[axis]];
  return tf.transpose(compute(tf.transpose(x, order)), order);
}

/** Y, and Mean and InvStdDev where they are wanted. */
function layerNormalization({ tf, input, inputs, node }: OperatorContext): readonly TfTensor[] {
  const x = input(0);
  const first = resolveAxis(node.attributes.int('axis', -1), x.rank);
  const axes = Array.from({ length: x.rank - first }, (_, index) => first + index);
  const mean = tf.mean(x, axes, true);
  const centred = tf.sub(x, mean);
  const variance = tf.mean(tf.square(centred), axes, true);
  const inverse = tf.rsqrt(tf.add(variance, node.attributes.float('epsilon', 1e-5)));
  const scaled = tf.mul(tf.mul(centred, inverse), input(1));
  return [inputs[2] ? tf.add(scaled, inputs[2]) : scaled, mean, inverse];
}
