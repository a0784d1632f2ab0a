// Normalizations as mean, square and root: by the batch (Ioffe and Szegedy 2015), group (Wu and He 2018), root mean square (Zhang and Sennrich 2019), by a norm, over
// neighbouring channels, and the variants of
// onnxruntime that add a residual first.
import { intsAttribute, type Node, type Value } from '../../ir/index.js';
import type { GraphBuilder } from '../graph-builder.js';
import { resolveAxis } from '../rule.js';
import type { Expansion } from './index.js';

function inverseRoot(b: GraphBuilder, square: Value, epsilon: number): Value {
  return b.unary('Reciprocal', b.unary('Sqrt', b.add(square, b.scalar(epsilon))));
}

function rms(b: GraphBuilder, x: Value, scale: Value | null, axes: readonly number[], epsilon: number): Value {
  const square = b.reduce('ReduceMean', b.square(x), axes, { keep: true });
  const normalized = b.mul(x, inverseRoot(b, square, epsilon));
  return scale ? b.mul(normalized, scale) : normalized;
}

/** With statistics of the batch; those with fixed ones stay. One pass over x gives both, as E[x²] − E[x]². */
export const batchNormalization: Expansion = (node, b) => {
  if (node.attributes.int('training_mode', 0) === 0) return null;
  const [x, scale, bias, oldMean, oldVariance] = [0, 1, 2, 3, 4].map((index) => node.inputs[index]!);
  const shape = b.shapeOf(x);
  const axes = shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const mean = b.reduce('ReduceMean', x, axes);
  const variance = b.sub(b.reduce('ReduceMean', b.square(x), axes), b.square(mean));
  const factor = b.mul(scale, inverseRoot(b, variance, node.attributes.float('epsilon', 1e-5)));
  const column = (value: Value): Value => b.reshape(value, [shape[1], ...shape.slice(2).map(() => 1)]);
  const y = b.add(b.mul(x, column(factor)), column(b.sub(bias, b.mul(mean, factor))));
  const momentum = node.attributes.float('momentum', 0.9);
  const mix = (old: Value, fresh: Value): Value =>
    momentum === 0 ? fresh : b.add(b.scale(old, momentum), b.scale(fresh, 1 - momentum));
  return [y, mix(oldMean, mean), mix(oldVariance, variance)];
};

export const rmsNormalization: Expansion = (node, b) => {
  const x = node.inputs[0]!;
  const rank = b.shapeOf(x).length;
  const first = resolveAxis(node.attributes.int('axis', -1), rank);
  const axes = Array.from({ length: rank - first }, (_, i) => first + i);
  return [rms(b, x, node.input(1), axes, node.attributes.float('epsilon', 1e-5)), null];
};

/** Standardized over `axes`. */
function standardize(b: GraphBuilder, x: Value, axes: readonly number[], epsilon: number): Value {
  const centre = b.sub(x, b.reduce('ReduceMean', x, axes, { keep: true }));
  return b.mul(centre, inverseRoot(b, b.reduce('ReduceMean', b.square(centre), axes, { keep: true }), epsilon));
}

/** Scale and bias are per group up to opset 20, per channel from 21 on. */
export const groupNormalization: Expansion = (node, b) => {
  const [x, scale, bias] = [0, 1, 2].map((index) => node.inputs[index]!);
  const shape = b.shapeOf(x);
  const groups = node.attributes.int('num_groups', 1);
  const inner = shape.slice(2).reduce((a, c) => a * c, shape[1] / groups);
  const grouped = standardize(b, b.reshape(x, [shape[0], groups, inner]), [2], node.attributes.float('epsilon', 1e-5));
  const perGroup = b.shapeOf(scale)[0] === groups && groups !== shape[1];
  const place = (value: Value): Value =>
    b.reshape(value, perGroup ? [groups, 1] : [shape[1], ...shape.slice(2).map(() => 1)]);
  const laidOut = perGroup ? grouped : b.reshape(grouped, shape);
  return [b.reshape(b.add(b.mul(laidOut, place(scale)), place(bias)), shape)];
};

export const meanVarianceNormalization: Expansion = (node, b) => [
  standardize(b, node.inputs[0]!, node.attributes.ints('axes') ?? [0, 2, 3], 1e-9),
];

export const lpNormalization: Expansion = (node, b) => {
  const x = node.inputs[0]!;
  const axis = resolveAxis(node.attributes.int('axis', -1), b.shapeOf(x).length);
  const norm =
    node.attributes.int('p', 2) === 1
      ? b.reduce('ReduceSum', b.unary('Abs', x), [axis], { keep: true })
      : b.unary('Sqrt', b.reduce('ReduceSum', b.square(x), [axis], { keep: true }));
  return [b.div(x, norm)];
};

/** Over neighbouring channels (Krizhevsky et al. 2012): x / (bias + alpha · mean of squares)^beta. */
export const localResponseNormalization: Expansion = (node, b) => {
  const x = node.inputs[0]!;
  const [n, channels, ...spatial] = b.shapeOf(x);
  const size = node.attributes.int('size', 1);
  const places = spatial.reduce((a, c) => a * c, 1);
  const before = Math.floor((size - 1) / 2);
  const squares = b.pad(
    b.reshape(b.square(x), [n, 1, channels, places]),
    [0, 0, before, 0],
    [0, 0, size - 1 - before, 0],
  );
  const mean = b.op('AveragePool', [squares], [n, 1, channels, places], {
    attributes: { kernel_shape: intsAttribute([size, 1]) },
  });
  const { attributes } = node;
  const sum = b.add(b.scale(mean, attributes.float('alpha', 1e-4)), b.scalar(attributes.float('bias', 1)));
  const factor = b.binary('Pow', sum, b.scalar(-attributes.float('beta', 0.75)));
  return [b.mul(x, b.reshape(factor, [n, channels, ...spatial]))];
};

/** Input, skip and bias added. */
function residual(node: Node, b: GraphBuilder, biasIndex: number): Value {
  const bias = node.input(biasIndex);
  const sum = b.add(node.inputs[0]!, node.inputs[1]!);
  return bias ? b.add(sum, bias) : sum;
}

export const skipLayerNormalization: Expansion = (node, b) => {
  const x = residual(node, b, 4);
  const normalized = standardize(b, x, [b.shapeOf(x).length - 1], node.attributes.float('epsilon', 1e-12));
  const scaled = b.mul(normalized, node.inputs[2]!);
  const beta = node.input(3);
  return [beta ? b.add(scaled, beta) : scaled, null, null, x];
};

export const skipRmsNormalization: Expansion = (node, b) => {
  const x = residual(node, b, 3);
  return [rms(b, x, node.input(2), [b.shapeOf(x).length - 1], node.attributes.float('epsilon', 1e-12)), null, null, x];
};
