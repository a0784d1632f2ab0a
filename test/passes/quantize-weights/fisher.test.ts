// Rows that the loss does not depend on count less: what is left of the KL divergence is smaller.
import { expect, test } from 'vitest';
import { quantizeWeights } from '../../../passes/quantize-weights/index.js';
import type { Feeds } from '../../../src/engine/index.js';
import { cloneModel, type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { type Pass, runPass } from '../../../src/pass/index.js';
import { float32Tensor, type Tensor } from '../../../src/tensor/index.js';
import { engine, outputsOf } from '../../fixture-models.js';

const random = createRandom(8);
const [k, classes, rows] = [32, 16, 40];
const weights = Float32Array.from({ length: k * classes }, () => random.normal() / 6);

const scores = Float32Array.from({ length: classes ** 2 }, () => random.normal());

function classifier(): Model {
  const model = parseModel(`<ir_version: 10, opset_import: ["" : 21]>
    g (float[n,${k}] x) => (float[n,${classes}] y) <float[1] w = {0}, float[1] v = {0}, int64[1] from = {0}, int64[1] to = {${rows / 2}}> { h = MatMul (x, w) r = Slice (h, from, to) t = Tanh (r) y = MatMul (t, v) }`);
  for (const value of model.graph.initializers) {
    if (value.name === 'w') value.constant = float32Tensor([k, classes], weights);
    if (value.name === 'v') value.constant = float32Tensor([classes, classes], scores);
  }
  return model;
}

/** The second half of the rows, padding say, is larger than the first and left out of what is answered. */
const samples: readonly Feeds[] = Array.from({ length: 10 }, () => ({
  x: float32Tensor(
    [rows, k],
    Float32Array.from({ length: rows * k }, (_, i) => {
      const [padding, channel] = [i >= (rows * k) / 2, i % k];
      return random.normal() * (padding === (channel % 2 === 0) ? (padding ? 6 : 1) : 0.05);
    }),
  ),
}));

async function quantized(original: Model, options: object): Promise<number> {
  const model = cloneModel(original);
  const stream = {
    async *[Symbol.asyncIterator]() {
      yield* samples;
    },
  };
  await runPass(
    model,
    quantizeWeights as unknown as Pass,
    { bits: 3, compute: 'float32', algorithm: 'imatrix', minimumSize: 64, ...options },
    { original, engine, workers: inlineWorkers, samples: stream, signal: new AbortController().signal, seed: 0 },
  );
  let divergence = 0;
  for (const sample of samples) {
    const [a, b] = [(await outputsOf(original, sample)).y, (await outputsOf(model, sample)).y].map(logProbabilities);
    a.forEach((p, i) => {
      divergence += (Math.exp(p) * (p - b[i])) / ((rows / 2) * samples.length);
    });
  }
  return divergence;
}

function logProbabilities(scores: Tensor): number[] {
  const values = [...scores.readFloat32()];
  return values.map((value, i) => {
    const first = i - (i % classes);
    const row = values.slice(first, first + classes);
    const most = Math.max(...row);
    return value - most - Math.log(row.reduce((sum, each) => sum + Math.exp(each - most), 0));
  });
}

test('the divergence falls', async () => {
  const original = classifier();
  const [plain, weighted] = [await quantized(original, {}), await quantized(original, { fisher: true })];
  expect(weighted).toBeGreaterThan(0);
  expect(weighted).toBeLessThan(0.9 * plain);
});

test('it is for weights that are rounded in order', async () => {
  const original = classifier();
  await expect(quantized(original, { fisher: true, sequential: false })).rejects.toMatchObject({ code: 'USAGE' });
});
