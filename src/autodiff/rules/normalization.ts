// Gradients of Softmax, LogSoftmax and of normalization: BatchNormalization with fixed statistics, LayerNormalization,
// InstanceNormalization (Ba et al. 2016; Ulyanov et al. 2016).
import type { Value } from '../../ir/index.js';
import type { GraphBuilder } from '../graph-builder.js';
import { type GradientContext, type NodeFacts, type RuleTable, resolveAxis } from '../rule.js';

export const normalizationRules: RuleTable = {
  Softmax: {
    gradients: ({ builder: b, node, upstream }) => {
      const axis = lastAxis(node.attributes.int('axis', -1), b, node.output);
      const weighted = b.mul(upstream, node.output);
      return [b.sub(weighted, b.mul(node.output, b.reduce('ReduceSum', weighted, [axis], { keep: true })))];
    },
  },
  LogSoftmax: {
    gradients: ({ builder: b, node, upstream }) => {
      const axis = lastAxis(node.attributes.int('axis', -1), b, node.output);
      const sum = b.reduce('ReduceSum', upstream, [axis], { keep: true });
      return [b.sub(upstream, b.mul(b.unary('Exp', node.output), sum))];
    },
  },
  BatchNormalization: { obstacle: batchObstacle, gradients: batchGradients },
  LayerNormalization: { gradients: layerGradients },
  InstanceNormalization: { gradients: instanceGradients },
};

function lastAxis(axis: number, b: GraphBuilder, value: Value): number {
  return resolveAxis(axis, b.shapeOf(value).length);
}

function batchObstacle({ node, wants }: NodeFacts): string | null {
  if (node.outputs.slice(1).some((output) => output?.isUsed)) return 'its statistics are used';
  return wants(3) || wants(4) ? 'its statistics depend on weights' : null;
}

/** y = (x − mean) · scale / √(variance + ε) + bias, statistics fixed. */
function batchGradients({ builder: b, node, upstream, input, wants, shapeOf }: GradientContext): (Value | null)[] {
  const shape = shapeOf(input(0));
  const column = (value: Value): Value => b.reshape(value, [shape[1] ?? 1, ...shape.slice(2).map(() => 1)]);
  const axes = shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const epsilon = b.scalar(node.attributes.float('epsilon', 1e-5));
  const inverse = b.unary('Reciprocal', b.unary('Sqrt', b.add(input(4), epsilon)));
  const perChannel = (value: Value): Value => b.reduce('ReduceSum', value, axes);
  return [
    wants(0) ? b.mul(upstream, column(b.mul(input(1), inverse))) : null,
    wants(1) ? b.mul(perChannel(b.mul(upstream, b.sub(input(0), column(input(3))))), inverse) : null,
    wants(2) ? perChannel(upstream) : null,
    null,
    null,
  ];
}

/** The gradient through x̂ = (x − mean) / σ over `axes`, given the gradient of x̂ and 1 / σ. */
function throughNormalization(
  b: GraphBuilder,
  g: Value,
  normalized: Value,
  inverse: Value,
  axes: readonly number[],
): Value {
  const mean = (value: Value): Value => b.reduce('ReduceMean', value, axes, { keep: true });
  const centred = b.sub(g, mean(g));
  return b.mul(b.sub(centred, b.mul(normalized, mean(b.mul(g, normalized)))), inverse);
}

function layerGradients({ builder: b, node, upstream, input, wants, shapeOf }: GradientContext): (Value | null)[] {
  const shape = shapeOf(input(0));
  const first = resolveAxis(node.attributes.int('axis', -1), shape.length);
  const axes = shape.flatMap((_, axis) => (axis < first ? [] : [axis]));
  // Recomputed: an engine may drop or fuse the optional outputs of the forward node.
  const centre = b.sub(input(0), b.reduce('ReduceMean', input(0), axes, { keep: true }));
  const variance = b.reduce('ReduceMean', b.square(centre), axes, { keep: true });
  const epsilon = b.scalar(node.attributes.float('epsilon', 1e-5));
  const inverse = b.unary('Reciprocal', b.unary('Sqrt', b.add(variance, epsilon)));
  const normalized = b.mul(centre, inverse);
  return [
    wants(0) ? throughNormalization(b, b.mul(upstream, input(1)), normalized, inverse, axes) : null,
    wants(1) ? b.sumTo(b.mul(upstream, normalized), shapeOf(input(1))) : null,
    wants(2) ? b.sumTo(upstream, shapeOf(input(2))) : null,
  ];
}

function instanceGradients({ builder: b, node, upstream, input, wants, shapeOf }: GradientContext): (Value | null)[] {
  const shape = shapeOf(input(0));
  const axes = shape.flatMap((_, axis) => (axis < 2 ? [] : [axis]));
  const others = shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const centre = b.sub(input(0), b.reduce('ReduceMean', input(0), axes, { keep: true }));
  const variance = b.reduce('ReduceMean', b.square(centre), axes, { keep: true });
  const epsilon = b.scalar(node.attributes.float('epsilon', 1e-5));
  const inverse = b.unary('Reciprocal', b.unary('Sqrt', b.add(variance, epsilon)));
  const normalized = b.mul(centre, inverse);
  const scale = b.reshape(input(1), [shape[1], ...axes.map(() => 1)]);
  return [
    wants(0) ? throughNormalization(b, b.mul(upstream, scale), normalized, inverse, axes) : null,
    wants(1) ? b.reduce('ReduceSum', b.mul(upstream, normalized), others) : null,
    wants(2) ? b.reduce('ReduceSum', upstream, others) : null,
  ];
}
