// Gradients of element-wise operators of one input: the upstream gradient times the derivative.

import type { Node, Value } from '../../ir/index.js';
import { byOperator } from '../../ops/index.js';
import type { GraphBuilder } from '../graph-builder.js';
import type { GradientRule, RuleTable } from '../rule.js';

interface Operands {
  readonly b: GraphBuilder;
  readonly node: Node;
  readonly x: Value;
  readonly y: Value;
}

/** The derivative of the output by the input, at every element. */
type Derivative = (operands: Operands) => Value;

const sqrtHalf = Math.SQRT1_2;
const selu = { alpha: 1.6732632423543772, gamma: 1.0507009873554805 };

/** 1 where `condition` holds, 0 elsewhere. */
function indicator(b: GraphBuilder, condition: Value): Value {
  return b.cast(condition, 'float32');
}

function isPositive(b: GraphBuilder, value: Value): Value {
  return b.binary('Greater', value, b.scalar(0));
}

function oneMinus(b: GraphBuilder, value: Value): Value {
  return b.sub(b.scalar(1), value);
}

function plusOne(b: GraphBuilder, value: Value): Value {
  return b.add(value, b.scalar(1));
}

const derivatives: Readonly<Record<string, Derivative>> = {
  Relu: ({ b, y }) => indicator(b, isPositive(b, y)),
  LeakyRelu: ({ b, node, x }) => b.where(isPositive(b, x), b.scalar(1), b.scalar(node.attributes.float('alpha', 0.01))),
  ThresholdedRelu: ({ b, node, x }) =>
    indicator(b, b.binary('Greater', x, b.scalar(node.attributes.float('alpha', 1)))),
  Elu: ({ b, node, x, y }) =>
    b.where(isPositive(b, x), b.scalar(1), b.add(y, b.scalar(node.attributes.float('alpha', 1)))),
  Selu: ({ b, node, x, y }) => {
    const gamma = node.attributes.float('gamma', selu.gamma);
    const alpha = node.attributes.float('alpha', selu.alpha);
    return b.where(isPositive(b, x), b.scalar(gamma), b.add(y, b.scalar(gamma * alpha)));
  },
  Celu: ({ b, node, x }) => {
    const alpha = node.attributes.float('alpha', 1);
    return b.where(isPositive(b, x), b.scalar(1), b.unary('Exp', b.scale(x, 1 / alpha)));
  },
  Sigmoid: ({ b, y }) => b.mul(y, oneMinus(b, y)),
  HardSigmoid: ({ b, node, y }) => {
    const inside = b.binary('And', isPositive(b, y), b.binary('Less', y, b.scalar(1)));
    return b.scale(indicator(b, inside), node.attributes.float('alpha', 0.2));
  },
  // x · max(0, min(1, x / 6 + 1/2))
  HardSwish: ({ b, x }) => {
    const inside = b.add(b.scale(x, 1 / 3), b.scalar(0.5));
    const saturated = b.where(b.binary('GreaterOrEqual', x, b.scalar(3)), b.scalar(1), inside);
    return b.where(b.binary('LessOrEqual', x, b.scalar(-3)), b.scalar(0), saturated);
  },
  Tanh: ({ b, y }) => oneMinus(b, b.square(y)),
  Softplus: ({ b, x }) => b.unary('Sigmoid', x),
  Softsign: ({ b, x }) => b.unary('Reciprocal', b.square(plusOne(b, b.unary('Abs', x)))),
  Mish: ({ b, x }) => {
    const t = b.unary('Tanh', b.unary('Softplus', x));
    return b.add(t, b.mul(b.mul(x, oneMinus(b, b.square(t))), b.unary('Sigmoid', x)));
  },
  Erf: ({ b, x }) => b.scale(b.unary('Exp', b.neg(b.square(x))), 2 / Math.sqrt(Math.PI)),
  Exp: ({ y }) => y,
  Log: ({ b, x }) => b.unary('Reciprocal', x),
  Sqrt: ({ b, y }) => b.unary('Reciprocal', b.scale(y, 2)),
  Reciprocal: ({ b, y }) => b.neg(b.square(y)),
  Abs: ({ b, x }) => b.unary('Sign', x),
  Sin: ({ b, x }) => b.unary('Cos', x),
  Cos: ({ b, x }) => b.neg(b.unary('Sin', x)),
  Tan: ({ b, y }) => plusOne(b, b.square(y)),
  Asin: ({ b, x }) => b.unary('Reciprocal', b.unary('Sqrt', oneMinus(b, b.square(x)))),
  Acos: ({ b, x }) => b.neg(b.unary('Reciprocal', b.unary('Sqrt', oneMinus(b, b.square(x))))),
  Atan: ({ b, x }) => b.unary('Reciprocal', plusOne(b, b.square(x))),
  Sinh: ({ b, x }) => b.unary('Cosh', x),
  Cosh: ({ b, x }) => b.unary('Sinh', x),
  Asinh: ({ b, x }) => b.unary('Reciprocal', b.unary('Sqrt', plusOne(b, b.square(x)))),
  Acosh: ({ b, x }) => b.unary('Reciprocal', b.unary('Sqrt', b.sub(b.square(x), b.scalar(1)))),
  Atanh: ({ b, x }) => b.unary('Reciprocal', oneMinus(b, b.square(x))),
  Gelu: ({ b, node, x }) =>
    node.attributes.string('approximate', 'none') === 'tanh' ? tanhGelu(b, x) : exactGelu(b, x),
  'com.microsoft::Gelu': ({ b, x }) => exactGelu(b, x),
  'com.microsoft::QuickGelu': ({ b, node, x }) => {
    const alpha = node.attributes.float('alpha', 1.702);
    const s = b.unary('Sigmoid', b.scale(x, alpha));
    return b.mul(s, plusOne(b, b.scale(b.mul(x, oneMinus(b, s)), alpha)));
  },
};

/** Φ(x) + x φ(x). */
function exactGelu(b: GraphBuilder, x: Value): Value {
  const cumulative = b.scale(plusOne(b, b.unary('Erf', b.scale(x, sqrtHalf))), 0.5);
  const density = b.scale(b.unary('Exp', b.scale(b.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return b.add(cumulative, b.mul(x, density));
}

/** Of 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))). */
function tanhGelu(b: GraphBuilder, x: Value): Value {
  const root = Math.sqrt(2 / Math.PI);
  const square = b.square(x);
  const t = b.unary('Tanh', b.scale(b.mul(x, plusOne(b, b.scale(square, 0.044715))), root));
  const slope = b.scale(plusOne(b, b.scale(square, 3 * 0.044715)), root);
  const bend = b.mul(b.mul(x, oneMinus(b, b.square(t))), slope);
  return b.scale(b.add(plusOne(b, t), bend), 0.5);
}

const elementwise: GradientRule = {
  gradients: ({ builder, node, upstream, input }) => {
    const derivative = byOperator(derivatives, node.qualifiedType)!;
    return [builder.mul(upstream, derivative({ b: builder, node, x: input(0), y: node.output }))];
  },
};

const passThrough: GradientRule = { gradients: ({ upstream }) => [upstream] };

/** What is constant almost everywhere: no gradient flows. */
const flat: GradientRule = { gradients: ({ node }) => node.inputs.map(() => null) };

export const elementwiseRules: RuleTable = {
  ...Object.fromEntries(Object.keys(derivatives).map((name) => [name, elementwise])),
  Identity: passThrough,
  Dropout: {
    obstacle: ({ node, constant }) =>
      node.input(2) && constant(2)?.readNumbers()[0] !== 0 ? 'it may drop values at random' : null,
    gradients: ({ upstream }) => [upstream],
  },
  Neg: { gradients: ({ builder, upstream }) => [builder.neg(upstream)] },
  Floor: flat,
  Ceil: flat,
  Round: flat,
  Sign: flat,
  Clip: {
    gradients: ({ builder: b, node, upstream, input, wants, shapeOf }) => {
      const zero = b.scalar(0);
      const outside = (['Less', 'Greater'] as const).map((opType, index) => {
        const limit = node.input(index + 1);
        return limit && b.binary(opType, input(0), limit);
      });
      const inside = outside.reduce<Value>((rest, beyond) => (beyond ? b.where(beyond, zero, rest) : rest), upstream);
      const ofLimits = outside.map((beyond, index) =>
        beyond && wants(index + 1) ? b.sumTo(b.where(beyond, upstream, zero), shapeOf(input(index + 1))) : null,
      );
      return [inside, ...ofLimits];
    },
  },
};
