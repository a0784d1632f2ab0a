// Gradients of reductions, CumSum and TopK. Axes are what differs between the shapes, or constants.
import type { Node, Value } from '../../ir/index.js';
import type { GraphBuilder } from '../graph-builder.js';
import { type GradientContext, type GradientRule, type NodeFacts, type RuleTable, resolveAxis } from '../rule.js';

/** The axes that are reduced: an attribute before opset 13 or 18, an input after; none means all (or none, by `noop_with_empty_axes`). */
function reducedAxes({ node, constant, shapeOf }: NodeFacts): readonly number[] | null {
  const rank = shapeOf(node.inputs[0]!).length;
  const input = constant(1);
  if (node.input(1) && !input) return null;
  const axes = node.attributes.ints('axes') ?? input?.readNumbers() ?? [];
  if (axes.length > 0) return axes.map((axis) => resolveAxis(axis, rank));
  return node.attributes.int('noop_with_empty_axes', 0) === 1 ? [] : Array.from({ length: rank }, (_, axis) => axis);
}

interface Reduction extends GradientContext {
  readonly x: Value;
  /** Output and upstream gradient with the reduced axes kept as 1. */
  readonly y: Value;
  readonly g: Value;
  /** Elements that go into one. */
  readonly count: number;
}

/** `derivative`: from the kept upstream gradient to the gradient of the input, before it is expanded to the shape of the input. */
function reduction(derivative: (reduction: Reduction) => Value): GradientRule {
  return {
    obstacle: (facts) => (reducedAxes(facts) ? null : 'its axes are computed'),
    gradients(context) {
      const { builder: b, node, upstream, input, shapeOf } = context;
      const axes = reducedAxes(context)!;
      const shape = shapeOf(input(0));
      const kept = shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
      const count = axes.reduce((product, axis) => product * shape[axis], 1);
      const [y, g] = [node.output, upstream].map((value) => b.reshape(value, kept));
      return [b.expand(derivative({ ...context, x: input(0), y, g, count }), shape)];
    },
  };
}

/** The gradient goes to the elements that are the extremum, in equal parts. */
const extremum = reduction((context) => {
  const { builder: b, x, y, g } = context;
  const chosen = b.cast(b.binary('Equal', x, y), 'float32');
  const axes = reducedAxes(context)!;
  return b.mul(chosen, b.div(g, b.reduce('ReduceSum', chosen, axes, { keep: true })));
});

function keepSign(b: GraphBuilder, value: Value): Value {
  return b.unary('Sign', value);
}

export const reductionRules: RuleTable = {
  ReduceSum: reduction(({ g }) => g),
  ReduceMean: reduction(({ builder: b, g, count }) => b.scale(g, 1 / count)),
  ReduceMax: extremum,
  ReduceMin: extremum,
  ReduceProd: reduction(({ builder: b, g, x, y }) => b.mul(g, b.div(y, x))),
  ReduceL1: reduction(({ builder: b, g, x }) => b.mul(g, keepSign(b, x))),
  ReduceL2: reduction(({ builder: b, g, x, y }) => b.mul(b.div(g, b.op('Max', [y, b.scalar(1e-30)], b.shapeOf(y))), x)),
  ReduceSumSquare: reduction(({ builder: b, g, x }) => b.mul(b.scale(g, 2), x)),
  ReduceLogSum: reduction(({ builder: b, g, y }) => b.div(g, b.unary('Exp', y))),
  ReduceLogSumExp: reduction(({ builder: b, g, x, y }) => b.mul(g, b.unary('Exp', b.sub(x, y)))),
  GlobalAveragePool: {
    gradients: ({ builder: b, upstream, input, shapeOf }) => {
      const shape = shapeOf(input(0));
      const count = shape.slice(2).reduce((product, dim) => product * dim, 1);
      return [b.expand(b.scale(upstream, 1 / count), shape)];
    },
  },
  GlobalMaxPool: {
    gradients: ({ builder: b, node, upstream, input, shapeOf }) => {
      const spatial = shapeOf(input(0)).flatMap((_, axis) => (axis < 2 ? [] : [axis]));
      const chosen = b.cast(b.binary('Equal', input(0), node.output), 'float32');
      return [b.mul(chosen, b.div(upstream, b.reduce('ReduceSum', chosen, spatial, { keep: true })))];
    },
  },
  CumSum: {
    gradients: ({ builder: b, node, upstream, input, shapeOf }) => {
      const reverse = node.attributes.get('reverse') && node.attributes.int('reverse', 0) === 1;
      const attributes = { ...node.attributes.toObject(), reverse: { type: 'int', value: reverse ? 0n : 1n } as const };
      return [b.op('CumSum', [upstream, input(1)], shapeOf(input(0)), { attributes })];
    },
  },
  TopK: {
    obstacle: indicesObstacle,
    gradients: ({ builder: b, node, gradient, input, shapeOf }) => {
      const shape = shapeOf(input(0));
      const values = gradient(0);
      if (!values) return [null];
      const axis = { axis: { type: 'int', value: BigInt(node.attributes.int('axis', -1)) } as const };
      const zeros = b.filled(shape, 0);
      return [b.op('ScatterElements', [zeros, node.outputs[1], values], shape, { attributes: axis })];
    },
  },
};

function indicesObstacle({ node }: { readonly node: Node }): string | null {
  return node.outputs[1] ? null : 'its indices are left out';
}
