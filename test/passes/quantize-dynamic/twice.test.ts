// Which products get a second one for what quantizing their activations lost.
import { expect, test } from 'vitest';
import type { NodePlan } from '../../../passes/quantize-dynamic/plan.js';
import { chooseTwice } from '../../../passes/quantize-dynamic/twice.js';
import { type Node, parseModel } from '../../../src/ir/index.js';
import { ComputedTensor } from '../../../src/tensor/index.js';

const noWeight = { module: '', exportName: '', *chunks() {} };

/** Names of the results of the products chosen in a graph with the input x [n, 8]. */
function chosen(weights: string, nodes: string, mode: 'auto' | 'once' | 'twice' = 'auto'): string[] {
  const text = `<ir_version: 8, opset_import: ["" : 20]> g (float[n,8] x) => (float y) <${weights}> { ${nodes} }`;
  const model = parseModel(text, {
    elided: (_, dataType, shape) => new ComputedTensor(dataType, shape, noWeight, [], null),
  });
  const plans = new Map<Node, NodePlan>();
  for (const node of model.graph.nodes()) {
    const weight = node.is('MatMul', 'Gemm') ? node.input(1)?.constant : null;
    if (weight) plans.set(node, { node, requests: [], product: weight.size, apply: () => '' });
  }
  return [...chooseTwice(plans, mode)].map((node) => node.output.name);
}

const wide =
  'float[8,24] query = {...}, float[8,24] gate = {...}, float[8,24] up = {...}, float[24,8] down = {...}, float half = {0.5}';

test.each([
  ['a gate', 'g = MatMul (x, gate) s = Sigmoid (g) a = Mul (g, s) u = MatMul (x, up) h = Mul (a, u)'],
  ['GELU', 'g = MatMul (x, gate) u = MatMul (x, up) a = Gelu (u) h = Identity (a)'],
  [
    'GELU in parts, halved at the end',
    'g = MatMul (x, gate) u = MatMul (x, up) e = Erf (u) d = Add (e, half) a = Mul (u, d) h = Mul (a, half)',
  ],
])('behind %s', (_, nodes) => {
  const all = `q = MatMul (x, query) ${nodes} y = MatMul (h, down)`;
  expect(chosen(wide, all)).toEqual(['y']);
  expect(chosen(wide, all, 'once')).toEqual([]);
  expect(chosen(wide, all, 'twice')).toEqual(['q', 'g', 'u', 'y']);
});

test('not where they would be more than three tenths of all', () => {
  expect(chosen(wide, 'u = MatMul (x, up) h = Gelu (u) y = MatMul (h, down)')).toEqual([]);
});

test('not behind a norm, and not where channels become more', () => {
  const norm = 'q = Mul (x, x) r = Sqrt (q) i = Reciprocal (r) n = Mul (x, i) h = Mul (n, half)';
  const narrow = `${wide}, float[8,4] key = {...}`;
  expect(chosen(narrow, `${norm} k = MatMul (h, key) g = MatMul (x, gate) y = MatMul (g, down)`)).toEqual([]);
  expect(chosen(wide, 'h = Mul (x, x) g = MatMul (h, gate) u = MatMul (x, up) y = MatMul (u, down)')).toEqual([]);
});

test('of a Gemm, by the order of its weight', () => {
  const weights =
    'float[24,8] query = {...}, float[24,8] up = {...}, float[24,8] gate = {...}, float[8,24] down = {...}';
  const nodes =
    'q = Gemm <transB = 1> (x, query) u = Gemm <transB = 1> (x, up) g = Gemm <transB = 1> (x, gate) h = Mul (u, g) y = Gemm <transB = 1> (h, down)';
  expect(chosen(weights, nodes)).toEqual(['y']);
});
