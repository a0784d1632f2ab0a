// Gradients of arithmetic with broadcasting: each operand gets the upstream gradient times the partial derivative, summed over the axes
// along which it was broadcast.
import type { Value } from '../../ir/index.js';
import type { GradientContext, RuleTable } from '../rule.js';

type Partial = (context: GradientContext) => Value;

/** One rule of partial gradients, one for each input, in the broadcast shape. */
function partials(...list: readonly Partial[]) {
  return {
    gradients: (context: GradientContext) =>
      list.map((partial, index) =>
        context.wants(index) ? context.builder.sumTo(partial(context), context.shapeOf(context.input(index))) : null,
      ),
  };
}

/** Max and Min: the gradient goes to the operand that was taken, in equal parts where several are equal. */
const extremum = {
  gradients: ({ builder: b, node, upstream, input, wants, shapeOf }: GradientContext) => {
    if (node.inputs.length === 1) return [upstream];
    const chosen = node.inputs.map((_, index) => b.cast(b.binary('Equal', input(index), node.output), 'float32'));
    const share = b.div(
      upstream,
      chosen.reduce((sum, mask) => b.add(sum, mask)),
    );
    return node.inputs.map((_, index) =>
      wants(index) ? b.sumTo(b.mul(share, chosen[index]), shapeOf(input(index))) : null,
    );
  },
};

export const arithmeticRules: RuleTable = {
  Add: partials(
    ({ upstream }) => upstream,
    ({ upstream }) => upstream,
  ),
  Sub: partials(
    ({ upstream }) => upstream,
    ({ builder, upstream }) => builder.neg(upstream),
  ),
  Mul: partials(
    ({ builder, upstream, input }) => builder.mul(upstream, input(1)),
    ({ builder, upstream, input }) => builder.mul(upstream, input(0)),
  ),
  Div: partials(
    ({ builder, upstream, input }) => builder.div(upstream, input(1)),
    ({ builder, upstream, node, input }) => builder.neg(builder.mul(upstream, builder.div(node.output, input(1)))),
  ),
  Pow: {
    obstacle: ({ wants, constant }) =>
      wants(0) && constant(1) && !constant(1)!.dataType.startsWith('float32') && constant(1)!.size !== 1
        ? 'its exponents are integers of several kinds'
        : null,
    gradients: (context) => [base(context), exponent(context)],
  },
  Max: extremum,
  Min: extremum,
  Sum: {
    gradients: ({ builder, node, upstream, wants, input, shapeOf }) =>
      node.inputs.map((_, index) => (wants(index) ? builder.sumTo(upstream, shapeOf(input(index))) : null)),
  },
  Mean: {
    gradients: ({ builder, node, upstream, wants, input, shapeOf }) => {
      const share = builder.scale(upstream, 1 / node.inputs.length);
      return node.inputs.map((_, index) => (wants(index) ? builder.sumTo(share, shapeOf(input(index))) : null));
    },
  },
  PRelu: partials(
    ({ builder: b, upstream, input }) =>
      b.mul(upstream, b.where(b.binary('Less', input(0), b.scalar(0)), input(1), b.scalar(1))),
    ({ builder: b, upstream, input }) =>
      b.where(b.binary('Less', input(0), b.scalar(0)), b.mul(upstream, input(0)), b.scalar(0)),
  ),
  Where: {
    gradients: ({ builder: b, upstream, input, wants, shapeOf }) => [
      null,
      wants(1) ? b.sumTo(b.where(input(0), upstream, b.scalar(0)), shapeOf(input(1))) : null,
      wants(2) ? b.sumTo(b.where(input(0), b.scalar(0), upstream), shapeOf(input(2))) : null,
    ],
  },
};

/** n x^(n − 1); plain arithmetic for the common powers. */
function base({ builder: b, upstream, input, wants, constant, shapeOf }: GradientContext): Value | null {
  if (!wants(0)) return null;
  const x = input(0);
  const tensor = constant(1);
  const power = tensor?.size === 1 ? tensor.readNumbers()[0] : null;
  let derivative: Value;
  if (power === 2) derivative = b.scale(x, 2);
  else if (power === 3) derivative = b.scale(b.square(x), 3);
  else if (power !== null) derivative = b.scale(b.binary('Pow', x, b.scalar(power - 1)), power);
  else derivative = b.mul(input(1), b.binary('Pow', x, b.sub(input(1), b.scalar(1))));
  return b.sumTo(b.mul(upstream, derivative), shapeOf(x));
}

/** x^n log x, 0 where x is not positive. */
function exponent({ builder: b, node, upstream, input, wants, shapeOf }: GradientContext): Value | null {
  if (!wants(1)) return null;
  const positive = b.binary('Greater', input(0), b.scalar(0));
  const logarithm = b.unary('Log', b.where(positive, input(0), b.scalar(1)));
  return b.sumTo(b.mul(upstream, b.mul(node.output, logarithm)), shapeOf(input(1)));
}
