// Gradients of operators that are written out before they are differentiated, against numerical derivatives of the operators themselves.
import { expect, test } from 'vitest';
import { parseModel } from '../../src/ir/index.js';
import { engine, feedsFor } from '../fixture-models.js';
import { checkGradients } from './check-gradients.js';

interface Case {
  readonly graph: string;
  readonly opset?: number;
}

const cases: Readonly<Record<string, Case>> = {
  LRN: {
    graph: '(float[2,7,3,2] x) => (float[2,7,3,2] y) { y = LRN <size = 4, alpha = 0.3, beta = 0.6, bias = 1.5> (x) }',
  },
  Trilu: { graph: '(float[2,3,4] x) => (float[2,3,4] y) { e = Exp (x) y = Trilu <upper = 0> (e) }' },
  'Trilu with a diagonal': {
    graph: '(float[3,4] x) => (float[3,4] y) <int64 k = {1}> { e = Exp (x) y = Trilu (e, k) }',
  },
  Gelu: { graph: '(float[3,5] x) => (float[3,5] y) { y = com.microsoft.Gelu (x) }' },
  QuickGelu: { graph: '(float[3,5] x) => (float[3,5] y) { y = com.microsoft.QuickGelu <alpha = 1.5> (x) }' },
  BiasGelu: { graph: '(float[3,5] x, float[5] b) => (float[3,5] y) { y = com.microsoft.BiasGelu (x, b) }' },
  FastGelu: { graph: '(float[3,5] x, float[5] b) => (float[3,5] y) { y = com.microsoft.FastGelu (x, b) }' },
  FusedConv: {
    graph:
      '(float[1,2,5,5] x, float[3,2,3,3] w, float[3] b) => (float[1,3,5,5] y) { y = com.microsoft.FusedConv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], activation = "LeakyRelu", activation_params = [0.2]> (x, w, b) }',
  },
  'FusedConv of a sum': {
    graph:
      '(float[1,2,5,5] x, float[3,2,3,3] w, float[3] b, float[1,3,5,5] z) => (float[1,3,5,5] y) { y = com.microsoft.FusedConv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], activation = "Relu"> (x, w, b, z) }',
  },
  FusedMatMul: {
    graph:
      '(float[4,3] a, float[5,4] b) => (float[3,5] y) { y = com.microsoft.FusedMatMul <transA = 1, transB = 1, alpha = 0.5> (a, b) }',
  },
  SkipLayerNormalization: {
    graph:
      '(float[2,3,6] x, float[2,3,6] s, float[6] g, float[6] b, float[6] c) => (float[2,3,6] y) { y = com.microsoft.SkipLayerNormalization (x, s, g, b, c) }',
  },
  SkipSimplifiedLayerNormalization: {
    graph:
      '(float[2,3,6] x, float[2,3,6] s, float[6] g) => (float[2,3,6] y) { y = com.microsoft.SkipSimplifiedLayerNormalization (x, s, g) }',
  },
  'com.microsoft Attention': {
    graph:
      '(float[2,4,6] x, float[6,18] w, float[18] b) => (float[2,4,6] y) { y = com.microsoft.Attention <num_heads = 2> (x, w, b) }',
  },
  'com.microsoft Attention, causal': {
    graph:
      '(float[2,4,6] x, float[6,18] w, float[18] b) => (float[2,4,6] y) { y = com.microsoft.Attention <num_heads = 2, unidirectional = 1> (x, w, b) }',
  },
  'com.microsoft Attention with a mask': {
    graph:
      '(float[2,4,6] x, float[6,18] w, float[18] b) => (float[2,4,6] y) <int32[2,4] mask = {1, 1, 1, 0, 1, 1, 0, 0}> { y = com.microsoft.Attention <num_heads = 2> (x, w, b, mask) }',
  },
  MultiHeadAttention: {
    graph:
      '(float[2,3,6] q, float[2,4,6] k, float[2,4,8] v, float[20] b) => (float[2,3,8] y) { y = com.microsoft.MultiHeadAttention <num_heads = 2> (q, k, v, b) }',
  },
  'MultiHeadAttention with a mask and a bias of scores': {
    graph:
      '(float[2,3,6] q, float[2,4,6] k, float[2,4,6] v, float[1,2,3,4] a) => (float[2,3,6] y) <int32[2,4] mask = {1, 1, 1, 0, 1, 1, 0, 0}> { y = com.microsoft.MultiHeadAttention <num_heads = 2> (q, k, v, , mask, a) }',
  },
  'Attention of four axes, causal': {
    graph:
      '(float[1,2,4,3] q, float[1,2,4,3] k, float[1,2,4,3] v) => (float[1,2,4,3] y) { y = Attention <is_causal = 1> (q, k, v) }',
    opset: 23,
  },
  'Attention with fewer heads of keys': {
    graph:
      '(float[2,3,8] q, float[2,4,4] k, float[2,4,4] v, float[3,4] m) => (float[2,3,8] y) { y = Attention <q_num_heads = 4, kv_num_heads = 2, scale = 0.4> (q, k, v, m) }',
    opset: 23,
  },
};

test.each(Object.entries(cases))('%s', async (_, { graph, opset = 18 }) => {
  const model = parseModel(
    `<ir_version: ${opset > 21 ? 11 : 8}, opset_import: ["": ${opset}, "com.microsoft": 1]> g ${graph}`,
  );
  const feeds = feedsFor(model, 3);
  const { checks, obstacles } = await checkGradients(model, feeds, engine);
  expect(obstacles).toEqual([]);
  expect(checks.length).toBe(Object.keys(feeds).length);
  for (const { source, error } of checks) expect([source, error < 0.02 ? 'agrees' : error]).toEqual([source, 'agrees']);
});
