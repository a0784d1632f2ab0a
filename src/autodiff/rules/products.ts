// Gradients of matrix products: MatMul of any rank, Gemm, Einsum.
import { floatAttribute, intAttribute, stringAttribute, type Value } from '../../ir/index.js';
import type { GraphBuilder, Shape } from '../graph-builder.js';
import type { GradientContext, NodeFacts, RuleTable } from '../rule.js';

export const productRules: RuleTable = {
  MatMul: { gradients: matMulGradients },
  Gemm: { gradients: gemmGradients },
  Einsum: { obstacle: einsumObstacle, gradients: einsumGradients },
};

/** dA = dC Bᵀ and dB = Aᵀ dC, summed over broadcast axes; a vector counts as a row on the left and a column on the right. */
function matMulGradients({ builder: b, upstream, input, wants, shapeOf }: GradientContext): (Value | null)[] {
  const [left, right] = [shapeOf(input(0)), shapeOf(input(1))];
  const a = left.length === 1 ? b.reshape(input(0), [1, left[0]]) : input(0);
  const c = right.length === 1 ? b.reshape(input(1), [right[0], 1]) : input(1);
  const [rows, columns] = [b.shapeOf(a).at(-2)!, b.shapeOf(c).at(-1)!];
  const batch = b
    .shapeOf(upstream)
    .slice(0, b.shapeOf(upstream).length - (left.length > 1 ? 1 : 0) - (right.length > 1 ? 1 : 0));
  const gradient = b.reshape(upstream, [...batch, rows, columns]);
  const ofLeft = (): Value => b.reshape(b.sumTo(b.matMul(gradient, b.transposeLast(c)), b.shapeOf(a)), left);
  const ofRight = (): Value => {
    if (b.shapeOf(c).length === 2) return b.reshape(flattenedProduct(b, a, gradient), right);
    return b.reshape(b.sumTo(b.matMul(b.transposeLast(a), gradient), b.shapeOf(c)), right);
  };
  return [wants(0) ? ofLeft() : null, wants(1) ? ofRight() : null];
}

/** Aᵀ G over all rows of A [..., m, k] and G [..., m, n]: one Gemm instead of a batch that is summed afterwards. */
function flattenedProduct(b: GraphBuilder, a: Value, gradient: Value): Value {
  const flat = (value: Value): Value => {
    const shape = b.shapeOf(value);
    return b.reshape(value, [shape.slice(0, -1).reduce((x, y) => x * y, 1), shape.at(-1)!]);
  };
  const [k, n] = [b.shapeOf(a).at(-1)!, b.shapeOf(gradient).at(-1)!];
  return b.op('Gemm', [flat(a), flat(gradient)], [k, n], { attributes: { transA: intAttribute(1) } });
}

/** Y = alpha op(A) op(B) + beta C. */
function gemmGradients({ builder: b, node, upstream, input, wants, shapeOf }: GradientContext): (Value | null)[] {
  const { attributes } = node;
  const [transA, transB] = ['transA', 'transB'].map((name) => attributes.int(name, 0) === 1);
  const alpha = floatAttribute(attributes.float('alpha', 1));
  const gemm = (x: Value, y: Value, flipX: boolean, flipY: boolean, shape: Shape): Value =>
    b.op('Gemm', [x, y], shape, {
      attributes: { alpha, transA: intAttribute(flipX ? 1 : 0), transB: intAttribute(flipY ? 1 : 0) },
    });
  const [a, w] = [input(0), input(1)];
  const ofA = (): Value =>
    transA ? gemm(w, upstream, transB, true, shapeOf(a)) : gemm(upstream, w, false, !transB, shapeOf(a));
  const ofB = (): Value =>
    transB ? gemm(upstream, a, true, transA, shapeOf(w)) : gemm(a, upstream, !transA, false, shapeOf(w));
  const ofC = (): Value => b.sumTo(b.scale(upstream, attributes.float('beta', 1)), shapeOf(input(2)));
  return [wants(0) ? ofA() : null, wants(1) ? ofB() : null, wants(2) ? ofC() : null];
}

interface Equation {
  readonly inputs: readonly string[];
  readonly output: string;
}

/** null: an ellipsis, a repeated letter within an operand, or no explicit output. */
function parseEquation(text: string): Equation | null {
  const [left, output] = text.replace(/\s/g, '').split('->');
  if (output === undefined || text.includes('.')) return null;
  const inputs = left.split(',');
  const repeats = [...inputs, output].some((term) => new Set(term).size !== term.length);
  return repeats ? null : { inputs, output };
}

function einsumObstacle({ node }: NodeFacts): string | null {
  return parseEquation(node.attributes.string('equation', ''))
    ? null
    : 'its equation has an ellipsis, repeated letters or no output';
}

/** The gradient of an operand is the product of the upstream gradient and the other operands, summed to its letters. */
function einsumGradients({ builder: b, node, upstream, input, wants, shapeOf }: GradientContext): (Value | null)[] {
  const { inputs, output } = parseEquation(node.attributes.string('equation', ''))!;
  return inputs.map((term, index) => {
    if (!wants(index)) return null;
    const others = inputs.flatMap((other, i) => (i === index ? [] : [{ term: other, value: input(i) }]));
    const operands = [{ term: output, value: upstream }, ...others];
    const known = new Set(operands.map((operand) => operand.term).join(''));
    const kept = [...term].filter((letter) => known.has(letter)).join('');
    const shape = shapeOf(input(index));
    const equation = `${operands.map((operand) => operand.term).join(',')}->${kept}`;
    const product = b.op(
      'Einsum',
      operands.map(({ value }) => value),
      [...kept].map((letter) => shape[term.indexOf(letter)]),
      { attributes: { equation: stringAttribute(equation) } },
    );
    // Letters that only this operand has were summed over: every element of them gets the same gradient.
    return b.expand(
      b.reshape(
        product,
        [...term].map((letter, axis) => (known.has(letter) ? shape[axis] : 1)),
      ),
      shape,
    );
  });
}
