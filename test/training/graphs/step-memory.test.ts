// What is alive at once, counted by hand.
import { expect, test } from 'vitest';
import { parseModel } from '../../../src/ir/index.js';
import { peakBytes } from '../../../src/training/graphs/step-memory.js';

test('values die behind their last use, outputs and inputs stay', () => {
  const { graph } = parseModel(`<ir_version: 8, opset_import: ["": 17]> g (float[10] x) => (float[10] y) {
    a = Relu (x)
    b = Exp (a)
    c = Neg (a)
    y = Add (b, c)
  }`);
  const values = [...graph.inputs, ...[...graph.nodes()].map(({ output }) => output)];
  const shapes = new Map(values.map((value) => [value, [10]]));
  // x, a, b and c; then x, b, c and y.
  expect(peakBytes(graph, shapes)).toBe(4 * 10 * 4);
});
