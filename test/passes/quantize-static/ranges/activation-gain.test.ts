import { expect, it } from 'vitest';
import { gainOf } from '../../../../passes/quantize-static/ranges/activation-gain.js';
import { parseModel } from '../../../../src/ir/index.js';

function gainBehind(nodes: string) {
  const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
graph (float[4] x) => (float[4] y) <float scale = {0.70710678}, float one = {1.0}, float half = {0.5}> {
  v = Neg (x)
  ${nodes}
}`);
  return gainOf(model.graph.nodes().next().value!.output);
}

/** The squared difference quotient. */
function squaredSlope(f: (x: number) => number, x: number): number {
  return ((f(x + 1e-4) - f(x - 1e-4)) / 2e-4) ** 2;
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

it.each([
  ['LeakyRelu', 'y = LeakyRelu <alpha = 0.2> (v)', (x: number) => (x < 0 ? 0.2 * x : x)],
  ['Sigmoid', 'y = Sigmoid (v)', logistic],
  ['Tanh', 'y = Tanh (v)', Math.tanh],
  ['HardSwish', 'y = HardSwish (v)', (x: number) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1)],
  ['SiLU', 's = Sigmoid (v)\n  y = Mul (v, s)', (x: number) => x * logistic(x)],
])('counts errors before %s by its squared slope', (_, nodes, f) => {
  const gain = gainBehind(nodes)!;
  for (const x of [-4, -1.1, 0.7, 2.5, 5]) expect(gain(x)).toBeCloseTo(Math.max(squaredSlope(f, x), 1e-4), 4);
});

it('counts errors before GELU by about its squared slope', () => {
  const gain = gainBehind(`
  d = Mul (v, scale)
  e = Erf (d)
  p = Add (one, e)
  h = Mul (v, half)
  y = Mul (h, p)`)!;
  for (const [x, slope] of [
    [-1, -0.0833],
    [0, 0.5],
    [1, 1.0833],
  ])
    expect(gain(x)).toBeCloseTo(slope ** 2, 1);
});

it('counts errors alike where something else takes the value', () => {
  expect(gainBehind('s = Sigmoid (v)\n  y = Add (v, s)')).toBeNull();
  expect(gainBehind('y = Relu (v)')).toBeNull();
});
