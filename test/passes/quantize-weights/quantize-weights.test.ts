// Models of weights in few bits: what onnxruntime makes of them when it loads them, and what they compute.
import { describe, expect, it } from 'vitest';
import { quantizeWeights } from '../../../passes/quantize-weights/index.js';
import type { Feeds } from '../../../src/engine/index.js';
import { cloneModel, type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { type Pass, runPass } from '../../../src/pass/index.js';
import { float32Tensor, sizeOf } from '../../../src/tensor/index.js';
import { engine, feedsFor, runOnCopy } from '../../fixture-models.js';
import { optimizedOperators } from '../../optimized-graph.js';
import { temporaryFolder } from '../../temporary-folder.js';

const folder = temporaryFolder();
const pass = quantizeWeights as unknown as Pass;

/** The model of a text, with random weights for the initializers that the text declares as zeros. */
function modelOf(text: string, weights: Readonly<Record<string, readonly number[]>>): Model {
  const model = parseModel(text);
  const random = createRandom(3);
  for (const [name, shape] of Object.entries(weights)) {
    const values = Float32Array.from({ length: sizeOf(shape) }, () => random.normal() / 8);
    const value = [...model.graph.allGraphs()]
      .flatMap((graph) => [...graph.initializers])
      .find((initializer) => initializer.name === name);
    if (!value) throw new TypeError(`${name} is no initializer`);
    value.constant = float32Tensor(shape, values);
  }
  return model;
}

async function relativeNoise(model: Model, other: Model, feeds: Feeds = feedsFor(model)): Promise<number> {
  const outputs = [];
  for (const candidate of [model, other]) {
    const session = await engine.open(candidate);
    outputs.push(Object.values(await session.run(feeds))[0].readFloat32());
    await session.close();
  }
  const [a, b] = outputs;
  const error = a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
  return Math.sqrt(error / a.reduce((sum, value) => sum + value ** 2, 0));
}

const two = `<ir_version: 8, opset_import: ["" : 17]>
test (float[3,64] x) => (float[3,128] y) <float[1] w1 = {0}, float[1] w2 = {0}>
{
  h = MatMul (x, w1)
  r = Relu (h)
  p = Gemm <transB = 1> (r, w2)
  s = ReduceMean <axes = [1], keepdims = 1> (p)
  y = Sub (p, s)
}`;
const twoWeights = { w1: [64, 256], w2: [128, 256] };

describe('quantize-weights', () => {
  it.each(['int8', 'float32'])('leaves no decoding to run time (%s)', async (compute) => {
    const original = modelOf(two, twoWeights);
    const { model, report } = await runOnCopy(original, pass, { compute });
    expect(report.changed).toHaveLength(2);
    expect(model.opset).toBe(21);
    const operators = await optimizedOperators(model, folder);
    const products = compute === 'int8' ? ['com.microsoft::DynamicQuantizeMatMul'] : ['FusedMatMul', 'MatMul', 'Gemm'];
    const expected = ['Relu', 'ReduceMean', 'Sub', 'com.microsoft::FusedGemm', ...products];
    expect([...operators.keys()].filter((operator) => !expected.includes(operator))).toEqual([]);
    // Two layers with 22 dB each, and 8-bit activations.
    expect(await relativeNoise(original, model)).toBeLessThan(0.16);
  });

  it('leaves no decoding to run time in branches', async () => {
    const text = `<ir_version: 10, opset_import: ["" : 21]>
test (bool c, float[3,64] x) => (float[3,256] y) <float[1] w = {0}>
{
  y = If (c) <
    then_branch = a () => (p) { h = MatMul (x, w) p = Relu (h) },
    else_branch = b () => (q) { q = Tanh (x2) x2 = MatMul (x, w) }
  >
}`.replace('q = Tanh (x2) x2 = MatMul (x, w)', 'x2 = MatMul (x, w) q = Tanh (x2)');
    const { model, report } = await runOnCopy(modelOf(text, { w: [64, 256] }), pass);
    expect(report.changed).toHaveLength(2);
    // One copy of the weight, in the graph around both branches.
    expect([...model.graph.initializers].filter((value) => value.constant?.dataType === 'int4')).toHaveLength(2);
    const operators = await optimizedOperators(model, folder);
    expect([...operators.keys()].filter((operator) => /^(Cast|Mul|Reshape)$/.test(operator))).toEqual([]);
  });

  it('leaves what makes the scores at 8 bits in branches too, but for scores that something follows', async () => {
    const text = `<ir_version: 10, opset_import: ["" : 21]>
test (bool c, float[3,64] x) => (float[3,256] y, float[3,256] z) <float[1] w = {0}, float[1] v = {0}>
{
  y, t = If (c) <
    then_branch = a () => (p, s) { p = MatMul (x, w) s = MatMul (x, v) },
    else_branch = b () => (q, u) { u = MatMul (x, v) q = Neg (u) }
  >
  z = Tanh (t)
}`;
    const { report } = await runOnCopy(modelOf(text, { w: [64, 256], v: [64, 256] }), pass);
    expect(report.skipped).toEqual([{ target: 'p', reason: 'it makes the scores, and keeps 8 bits' }]);
    expect(report.changed.map(({ target }) => target)).toEqual(['s', 'u']);
  });

  it('packs a table and the matrix tied to it once, where it is asked to', async () => {
    const text = `<ir_version: 10, opset_import: ["" : 21]>
test (int64[2,5] i) => (float[2,5,128] y) <float[1] t = {0}>
{
  e = Gather (t, i)
  n = Tanh (e)
  w = Transpose <perm = [1, 0]> (t)
  y = MatMul (n, w)
}`;
    const original = modelOf(text, { t: [128, 64] });
    const kept = await runOnCopy(original, pass);
    expect(kept.report.skipped.map(({ reason }) => reason)).toEqual([
      'tables of embeddings keep 8 bits',
      'its weight is a table of embeddings too, which keeps 8 bits',
    ]);
    const { model, report } = await runOnCopy(original, pass, { embeddingBits: 4 });
    expect(report.changed).toHaveLength(2);
    expect([...model.graph.initializers].filter((value) => value.constant?.dataType === 'int4')).toHaveLength(2);
    expect(await relativeNoise(original, model)).toBeLessThan(0.2);
  });

  it.each([
    ['gate = Sigmoid (x)\n  u = MatMul (x, w1)\n  h = Mul (u, gate)', 2],
    ['u = MatMul (x, w1)\n  e = Erf (u)\n  h = Mul (u, e)', 1],
  ])('takes activations in two parts behind a gate, not behind a GELU written out: %s', async (before, products) => {
    const text = `<ir_version: 10, opset_import: ["" : 21]>
test (float[3,128] x) => (float[3,64] y) <float[1] w1 = {0}, float[1] w2 = {0}>
{
  ${before}
  p = MatMul (h, w2)
  y = Relu (p)
}`;
    const original = modelOf(text, { w1: [128, 128], w2: [128, 64] });
    const { model } = await runOnCopy(original, pass, {});
    const integer = [...model.graph.nodes()].filter(({ opType }) => opType === 'MatMulInteger');
    expect(integer).toHaveLength(1 + products);
    expect(await relativeNoise(original, model)).toBeLessThan(0.15);
  });

  it.each([4, 2])('stores zero points that are floats, by which MatMulNBits computes (%i bits)', async (bits) => {
    const text = `<ir_version: 10, opset_import: ["" : 21]>
test (float[3,80] x) => (float[3,128] y) <float[1] w = {0}>
{
  h = MatMul (x, w)
  y = Relu (h)
}`;
    const original = modelOf(text, { w: [80, 128] });
    const options = { algorithm: 'hqq', compute: 'nbits', bits, accuracyLevel: 0, floatZeroPoints: true };
    const { model } = await runOnCopy(original, pass, options);
    const [integers, scales, zeroPoints] = ['q', 'scales', 'zero_points'].map(
      (part) => [...model.graph.initializers].find(({ name }) => name.startsWith(`w_${part}`))!.constant!,
    );
    expect([scales.shape, zeroPoints.shape, zeroPoints.dataType]).toEqual([[128, 3], [128, 3], 'float32']);
    // Decoded by hand: (q - z) · s, the last block half full.
    const bytes = integers.read() as Uint8Array;
    const [s, z] = [scales.readFloat32(), zeroPoints.readFloat32()];
    const decoded = Float32Array.from({ length: 80 * 128 }, (_, at) => {
      const [row, n] = [Math.floor(at / 128), at % 128];
      const element = n * 96 + row;
      const q = (bytes[Math.floor((element * bits) / 8)] >> ((element * bits) % 8)) & (2 ** bits - 1);
      const block = n * 3 + Math.floor(row / 32);
      return Math.fround(q - z[block]) * s[block];
    });
    const expected = cloneModel(original);
    const weight = [...expected.graph.initializers].find(({ name }) => name === 'w')!;
    const float = weight.constant!.readFloat32();
    weight.constant = float32Tensor([80, 128], decoded);
    expect(await relativeNoise(expected, model)).toBeLessThan(1e-5);
    const error =
      decoded.reduce((sum, x, i) => sum + (x - float[i]) ** 2, 0) / float.reduce((sum, x) => sum + x * x, 0);
    expect(error).toBeLessThan(bits === 4 ? 0.008 : 0.2);
  });

  it('says why a weight stays', async () => {
    const text = `<ir_version: 10, opset_import: ["" : 21]>
test (float[3,97] x) => (float[3,64] y) <float[1] w = {0}>
{
  h = MatMul (x, w)
  y = Relu (h)
}`;
    const { report } = await runOnCopy(modelOf(text, { w: [97, 64] }), pass);
    expect(report.skipped).toEqual([{ target: 'h', reason: 'no block of 8 to 16 elements divides 97' }]);
  });
});

describe('with data', () => {
  const text = `<ir_version: 10, opset_import: ["" : 21]>
test (float[n,128] x) => (float[n,64] y) <float[1] w = {0}>
{
  h = MatMul (x, w)
  y = Relu (h)
}`;
  const random = createRandom(11);
  const mixture = Float32Array.from({ length: 8 * 128 }, () => random.normal());

  /** Inputs that lie near a plane of 8 dimensions. */
  function correlated(rows: number): Feeds {
    const x = new Float32Array(rows * 128);
    for (let row = 0; row < rows; row++) {
      const hidden = Array.from({ length: 8 }, () => random.normal());
      for (let i = 0; i < 128; i++) {
        x[row * 128 + i] = hidden.reduce((sum, h, j) => sum + h * mixture[j * 128 + i], 0.1 * random.normal());
      }
    }
    return { x: float32Tensor([rows, 128], x) };
  }

  function streamOf(given: readonly Feeds[]): AsyncIterable<Feeds> {
    return {
      async *[Symbol.asyncIterator]() {
        yield* given;
      },
    };
  }

  it('makes up for errors of rounding', async () => {
    const original = modelOf(text, { w: [128, 64] });
    const given = [40, 100, 60].map(correlated);
    const unseen = correlated(50);
    const noiseOf = async (options: Readonly<Record<string, unknown>>): Promise<number> => {
      const copy = cloneModel(original);
      const { signal } = new AbortController();
      const environment = { original, engine, workers: inlineWorkers, samples: streamOf(given), signal, seed: 0 };
      const report = await runPass(copy, pass, { compute: 'float32', ...options }, environment);
      expect(report.changed).toHaveLength(1);
      return relativeNoise(original, copy, unseen);
    };
    const nearest = await noiseOf({ algorithm: 'mse-clip' });
    expect(await noiseOf({})).toBeLessThan(0.5 * nearest);
    expect(await noiseOf({ actOrder: true })).toBeLessThan(0.5 * nearest);
  });

  it.each(['nbits', 'dequantize', 'float32'])('rounds with data for compute %s, and in order', async (compute) => {
    const twoLayers = `<ir_version: 10, opset_import: ["" : 21]>
test (float[n,128] x) => (float[n,64] z) <float[1] w = {0}, float[1] v = {0}>
{
  h = MatMul (x, w)
  r = Relu (h)
  y = MatMul (r, v)
  z = Relu (y)
}`;
    const original = modelOf(twoLayers, { w: [128, 96], v: [96, 64] });
    const given = Array.from({ length: 9 }, () => correlated(40));
    const unseen = correlated(50);
    const noiseOf = async (options: Readonly<Record<string, unknown>>): Promise<[number, readonly string[]]> => {
      const copy = cloneModel(original);
      const { signal } = new AbortController();
      const environment = { original, engine, workers: inlineWorkers, samples: streamOf(given), signal, seed: 0 };
      const report = await runPass(copy, pass, { compute, accuracyLevel: 0, ...options }, environment);
      return [await relativeNoise(original, copy, unseen), report.changed.map(({ what }) => what)];
    };
    const [nearest] = await noiseOf({ algorithm: 'mse-clip' });
    const [chosen, what] = await noiseOf({});
    expect(what).toEqual([expect.stringMatching(/\(gptq, .* % error\)/), expect.stringMatching(/\(.*% error\)/)]);
    expect(chosen).toBeLessThan(0.6 * nearest);
    expect((await noiseOf({ algorithm: 'gptq', sequential: false }))[0]).toBeLessThan(0.7 * nearest);
    expect((await noiseOf({ algorithm: 'scale-estimation' }))[0]).toBeLessThan(nearest);
    expect((await noiseOf({ algorithm: 'imatrix' }))[0]).toBeLessThan(1.1 * nearest);
  });

  it('wants data when it is asked for what needs it', async () => {
    await expect(runOnCopy(modelOf(text, { w: [128, 64] }), pass, { algorithm: 'gptq' })).rejects.toMatchObject({
      code: 'USAGE',
    });
  });
});
