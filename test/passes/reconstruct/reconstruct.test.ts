import { expect, test } from 'vitest';
import { pruneChannels } from '../../../passes/prune-channels/index.js';
import { pruneLayers } from '../../../passes/prune-layers/index.js';
import { reconstruct } from '../../../passes/reconstruct/index.js';
import type { Feeds } from '../../../src/engine/index.js';
import { cloneModel, type Model } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { type Pass, type PassReport, runPass } from '../../../src/pass/index.js';
import { matchChannels } from '../../../src/pruning/repair/match-channels.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { randomModel } from '../../analysis/channel-groups/removal.js';
import { engine, outputsOf, relativeError } from '../../fixture-models.js';

const header = '<ir_version: 10, opset_import: ["" : 17]>';

function draw(seed: number, shape: readonly number[]): Feeds {
  const random = createRandom(seed);
  const length = shape.reduce((size, extent) => size * extent, 1);
  return {
    x: float32Tensor(
      shape,
      Float32Array.from({ length }, () => random.normal()),
    ),
  };
}

/** Runs passes in a row on a copy; the original is what all of them compare with. */
async function run(model: Model, shape: readonly number[], ...steps: readonly (readonly [Pass, object])[]) {
  const copy = cloneModel(model);
  const samples = {
    async *[Symbol.asyncIterator]() {
      for (let seed = 1; seed <= 40; seed++) yield draw(seed, shape);
    },
  };
  const { signal } = new AbortController();
  const environment = { original: model, prepared: model, engine, workers: inlineWorkers, samples, signal, seed: 0 };
  const reports: PassReport[] = [];
  for (const [pass, options] of steps) reports.push(await runPass(copy, pass, options, environment));
  const feeds = draw(99, shape);
  const [name] = model.graph.outputs.map((output) => output.name);
  const error = relativeError((await outputsOf(copy, feeds))[name], (await outputsOf(model, feeds))[name]);
  return { model: copy, error, report: reports.at(-1)! };
}

/** A chain of convolutions, in which half of the channels of each are copies of the other half. */
function chain(): Model {
  const model = randomModel(`${header} graph (float[n,3,6,6] x) => (float[n,5] y)
    <float[8,3,3,3] a = {...}, float[8,8,1,1] b = {...}, float[8] bb = {...}, float[8,5] f = {...}> {
      s = Conv <pads = [1,1,1,1]> (x, a) t = Relu (s) u = Conv (t, b, bb) v = Relu (u) g = GlobalAveragePool (v) w = Flatten (g) y = MatMul (w, f)
    }`);
  for (const value of model.graph.initializers) {
    if (!['a', 'b', 'bb'].includes(value.name)) continue;
    const { shape } = value.constant!;
    const values = Float32Array.from(value.constant!.readFloat32());
    values.copyWithin(values.length / 2, 0, values.length / 2);
    value.constant = float32Tensor(shape, values);
  }
  return model;
}

const pruning = [pruneChannels, { ratio: 0.5, reconstruct: false }] as const;

test('a chain that lost redundant channels is as good as before, and channels that are gone are told apart', async () => {
  const model = chain();
  const shape = [2, 3, 6, 6];
  const plain = await run(model, shape, pruning);
  const repaired = await run(model, shape, pruning, [reconstruct, {}]);
  expect(repaired.report.changed.map(({ target }) => target)).toEqual(['u', 'y']);
  expect(plain.error).toBeGreaterThan(0.1);
  expect(repaired.error).toBeLessThan(0.04);
  const inPass = await run(model, shape, [pruneChannels, { ratio: 0.5 }]);
  expect(repaired.error).toBeLessThan(inPass.error + 0.01);
});

test('a block that was left out is made up for', async () => {
  const model = randomModel(`${header} graph (float[n,6] x) => (float[n,3] y)
    <float[6,8] first = {...}, float[8,8] a = {...}, float[8,8] b = {...}, float[8,8] c = {...}, float[8,3] last = {...}> {
      s0 = MatMul (x, first) h0 = Tanh (s0) u0 = MatMul (h0, a) s1 = Add (u0, s0)
      u1 = MatMul (s1, b) s2 = Add (u1, s1) h2 = Tanh (s2) u2 = MatMul (h2, c) s3 = Add (u2, s2) y = MatMul (s3, last)
    }`);
  const step = [pruneLayers, { ratio: 0.9, include: ['s2'], reconstruct: false }] as const;
  const plain = await run(model, [4, 6], step);
  const repaired = await run(model, [4, 6], step, [reconstruct, {}]);
  expect(repaired.report.changed[0].target).toBe('u0');
  expect(repaired.error).toBeLessThan(0.7 * plain.error);
});

test('statistics of normalizations and biases of what cannot be refitted are re-estimated', async () => {
  const model = randomModel(`${header} graph (float[n,3,6,6] x) => (float[n,4,12,12] y)
    <float[8,3,3,3] a = {...}, float[6,8,1,1] b = {...}, float[6] sc = {...}, float[6] sh = {...}, float[6] me = {...}, float[6] va = {1,2,3,1,2,3}, float[6,4,2,2] t = {...}, float[4] tb = {...}> {
      s = Conv <pads = [1,1,1,1]> (x, a) r = Relu (s) u = Conv (r, b) n = BatchNormalization (u, sc, sh, me, va) q = Relu (n) y = ConvTranspose <strides = [2,2]> (q, t, tb)
    }`);
  const step = [pruneChannels, { ratio: 0.4, reconstruct: false }] as const;
  const shape = [2, 3, 6, 6];
  const plain = await run(model, shape, step);
  const repaired = await run(model, shape, step, [reconstruct, {}]);
  expect(repaired.report.changed).toEqual([
    { target: 'u', what: 'refitted' },
    { target: 'n', what: 'statistics re-estimated' },
  ]);
  expect(repaired.report.skipped).toEqual([
    { target: 'y', reason: 'not refitted: ConvTranspose has no rows to observe (its bias is)' },
  ]);
  expect(repaired.error).toBeLessThan(plain.error);
  // Means of the outputs are the original's.
  const [before, after] = [model, repaired.model];
  const means: number[] = [];
  for (const one of [before, after]) {
    let sum = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const values = (await outputsOf(one, draw(seed, shape))).y.readFloat32();
      sum += values.reduce((total, value) => total + value, 0) / values.length;
    }
    means.push(sum / 40);
  }
  expect(means[1]).toBeCloseTo(means[0], 3);
});

test('a model that lost nothing stays', async () => {
  const { report } = await run(chain(), [2, 3, 6, 6], [reconstruct, {}]);
  expect(report.edited).toBe(false);
  expect(report.skipped).toEqual([
    { target: 'the model', reason: 'it lost nothing that could be refitted to the original' },
  ]);
});

test('channels are matched in order, by the largest sum of correlations', () => {
  // Greedily, the first would take 2.
  expect(matchChannels(Float64Array.of(0.8, 0, 0.9, 0, 0.2, 0.95), 2, 3)).toEqual([0, 2]);
  expect(matchChannels(Float64Array.of(0, 1, 0), 1, 3)).toEqual([1]);
  expect(matchChannels(Float64Array.of(1, 0, 0, 1), 2, 2)).toEqual([0, 1]);
});
