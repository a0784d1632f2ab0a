// What `dsopt quantize --mode static` makes of networks that are more than convolutions: a vision transformer and a recurrent network, all steps of the mode.
import { describe, expect, it } from 'vitest';
import { builtinPasses } from '../../../passes/index.js';
import { compressModel } from '../../../src/compress.js';
import type { Model } from '../../../src/ir/index.js';
import { quantizeSteps, resolveRecipe } from '../../../src/recipe/index.js';
import { engine, samplesFor } from '../../fixture-models.js';
import { errorOf, fusedOperators, modelOf } from './model-of.js';

async function quantize(model: Model) {
  const steps = quantizeSteps(builtinPasses, 'static', {});
  const recipe = await resolveRecipe({ version: 1, steps }, { passes: builtinPasses, folder: '.' });
  return compressModel(model, recipe, { samples: samplesFor(model), engine });
}

const vit = modelOf(
  `<ir_version: 8, opset_import: ["" : 17]>
graph (float[1,3,16,16] x, float[64,3,4,4] w1, float[64] b1, float[64,192] w2, float[192] b2, float[64,128] w3, float[128,64] w4, float[64,256] w5, float[256] b5, float[256,64] w6, float[64] b6, float[64,10] w7, float[10] b7)
  => (float[1,10] y) <int64[3] tokens = {1, 64, 16}, int64[3] thirds = {64, 64, 64}, float scale = {0.125}, float root = {1.41421356}, float one = {1.0}, float half = {0.5}> {
  gain = ConstantOfShape <value = float[1] {1.0}> (width)
  [embed] patches = Conv <strides = [4, 4]> (x, w1, b1)
  rows = Reshape (patches, tokens)
  h0 = Transpose <perm = [0, 2, 1]> (rows)
  [norm1] n1 = LayerNormalization (h0, gain)
  [qkv] p = MatMul (n1, w2)
  qkvs = Add (p, b2)
  q, k, v = Split <axis = 2> (qkvs, thirds)
  kt = Transpose <perm = [0, 2, 1]> (k)
  [scores] s = MatMul (q, kt)
  scaled = Mul (s, scale)
  [softmax] a = Softmax <axis = -1> (scaled)
  [mix] m = MatMul (a, v)
  [out1] o1 = MatMul (m, w3)
  [out2] o2 = MatMul (o1, w4)
  h1 = Add (h0, o2)
  [norm2] n2 = LayerNormalization (h1, gain)
  [up] u = MatMul (n2, w5)
  ub = Add (u, b5)
  g1 = Div (ub, root)
  [gelu] g2 = Erf (g1)
  g3 = Add (g2, one)
  g4 = Mul (ub, g3)
  g5 = Mul (g4, half)
  [down] d = MatMul (g5, w6)
  db = Add (d, b6)
  h2 = Add (h1, db)
  mean = ReduceMean <axes = [1], keepdims = 0> (h2)
  [head] y = Gemm (mean, w7, b7)
}`.replace('<int64[3] tokens', '<int64[1] width = {64}, int64[3] tokens'),
);

const gru = modelOf(`<ir_version: 8, opset_import: ["" : 17]>
graph (float[12,1,64] x, float[64,128] w1, float[128] b1, float[1,192,128] w2, float[1,192,64] w3, float[1,384] b2, float[64,8] w4)
  => (float[12,1,8] y) <int64[1] direction = {1}> {
  [dense] p = MatMul (x, w1)
  pb = Add (p, b1)
  r = Relu (pb)
  [gru] all, last = GRU <hidden_size = 64, linear_before_reset = 1> (r, w2, w3, b2)
  h = Squeeze (all, direction)
  [head] t = MatMul (h, w4)
  y = Sigmoid (t)
}`);

describe('a vision transformer', () => {
  it('multiplies weights with integers, and keeps attention, normalization and GELU whole and in float', async () => {
    const { model, report } = await quantize(vit);
    const pass = report.passes.find((entry) => entry.pass === 'quantize-static')!;
    const integer = pass.changed.map(({ target }) => target);
    expect(integer).toEqual(expect.arrayContaining(['qkv', 'out1', 'out2', 'up', 'down']));
    expect(integer).not.toContain('scores');
    expect(pass.metrics.unfusedNodes).toBe(0);
    const operators = await fusedOperators(model);
    expect(operators.filter((name) => /^(MatMulIntegerToFloat|QLinearMatMul)$/.test(name))).toHaveLength(5);
    expect(operators).toContain('LayerNormalization');
    expect(operators.filter((name) => /Gelu/.test(name))).toHaveLength(1);
    expect(operators).toContain('Softmax');
    expect(await errorOf(vit, model)).toBeLessThan(0.03);
    expect(report.output!.bytes === null || report.output!.bytes < report.input.bytes!).toBe(true);
  });
});

describe('a recurrent network', () => {
  it('computes products with integers and stores the weights of its GRU in eight bits', async () => {
    const { model, report } = await quantize(gru);
    const changed = report.passes.flatMap(({ changed: targets }) => targets.map(({ target }) => target));
    expect(changed).toEqual(expect.arrayContaining(['dense', 'gru']));
    const stored = [...model.graph.initializers].map(({ constant }) => constant!);
    const floats = stored.filter(({ dataType }) => dataType === 'float32').reduce((sum, { size }) => sum + size, 0);
    expect(floats).toBeLessThan(2500);
    expect(await errorOf(gru, model)).toBeLessThan(0.03);
  });
});
