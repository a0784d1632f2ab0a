import { expect, test } from 'vitest';
import { pruneChannels } from '../../../passes/prune-channels/index.js';
import { pruneHeads } from '../../../passes/prune-heads/index.js';
import { pruneNeurons } from '../../../passes/prune-neurons/index.js';
import type { Feeds } from '../../../src/engine/index.js';
import { cloneModel, type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { loadModel } from '../../../src/onnx/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { type Pass, type PassReport, runPass } from '../../../src/pass/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { randomModel } from '../../analysis/channel-groups/removal.js';
import {
  engine,
  feedsFor,
  fixturePath,
  outputsOf,
  relativeError,
  runOnCopy,
  samplesFor,
} from '../../fixture-models.js';

function samplesOf(shape: readonly number[], count: number): AsyncIterable<Feeds> {
  const length = shape.reduce((size, dim) => size * dim, 1);
  return {
    async *[Symbol.asyncIterator]() {
      const random = createRandom(5);
      for (let sample = 0; sample < count; sample++) {
        yield {
          x: float32Tensor(
            shape,
            Float32Array.from({ length }, () => random.normal()),
          ),
        };
      }
    },
  };
}

async function prune(
  model: Model,
  pass: Pass,
  options: object,
  samples: AsyncIterable<Feeds>,
): Promise<{ model: Model; report: PassReport }> {
  const copy = cloneModel(model);
  const { signal } = new AbortController();
  const environment = { original: model, engine, workers: inlineWorkers, samples, signal, seed: 0 };
  return { model: copy, report: await runPass(copy, pass, options, environment) };
}

/** Channels 4 to 7 of t are copies of channels 0 to 3: half of them can go without loss, when consumers are refitted. */
function redundant(): Model {
  const model = randomModel(
    `<ir_version: 10, opset_import: ["" : 17]> graph (float[n,3,6,6] x) => (float[n,5] y)
    <float[4,3,3,3] a = {...}, float[6,8,3,3] b = {...}, float[6] bb = {...}, float[6,5] f = {...}> {
      s = Conv <pads = [1,1,1,1]> (x, aa)
      t = Relu (s)
      u = Conv <pads = [1,1,1,1]> (t, b, bb)
      v = GlobalAveragePool (u)
      w = Flatten (v)
      y = MatMul (w, f)
    }`
      .replace('(x, aa)', '(x, a)')
      .replace('float[4,3,3,3] a', 'float[8,3,3,3] a'),
  );
  const weight = [...model.graph.initializers].find(({ name }) => name === 'a')!;
  const values = Float32Array.from(weight.constant!.readFloat32());
  values.copyWithin(values.length / 2, 0, values.length / 2);
  weight.constant = float32Tensor([8, 3, 3, 3], values);
  return model;
}

test('refitted consumers make up for redundant channels, which are the ones that go', async () => {
  const model = redundant();
  const options = { ratio: 0.5, include: ['s'] };
  const samples = samplesOf([1, 3, 6, 6], 24);
  const { model: repaired, report } = await prune(model, pruneChannels, options, samples);
  expect(report.changed).toEqual([{ target: 's', what: '8 → 4 channels' }]);
  const { model: plain } = await prune(model, pruneChannels, { ...options, reconstruct: false }, samples);
  const feeds = feedsFor(model, 9);
  const expected = (await outputsOf(model, feeds)).y;
  expect(relativeError((await outputsOf(repaired, feeds)).y, expected)).toBeLessThan(0.01);
  expect(relativeError((await outputsOf(plain, feeds)).y, expected)).toBeGreaterThan(0.1);
});

test('a target of multiply-accumulates is met, with multiples of channels', async () => {
  const model = await loadModel(fixturePath('resnet20_cifar10.onnx'));
  const { model: pruned, report } = await runOnCopy(model, pruneChannels, { targetMacs: '60%', multipleOf: 4 });
  expect(report.metrics.remainingMacsRatio).toBeLessThanOrEqual(0.6);
  expect(report.metrics.remainingMacsRatio).toBeGreaterThan(0.5);
  for (const { what } of report.changed) expect(Number(/→ (\d+)/.exec(what)![1]) % 4).toBe(0);
  for (const batch of [1, 3]) {
    const input = float32Tensor([batch, 3, 32, 32], new Float32Array(batch * 3072).fill(0.1));
    expect((await outputsOf(pruned, { input })).logits.shape).toEqual([batch, 10]);
  }
});

test('what cannot be reached is said', async () => {
  const model = await loadModel(fixturePath('resnet20_cifar10.onnx'));
  const { report } = await runOnCopy(model, pruneChannels, { targetMacs: 0.001 });
  expect(report.metrics.targetMissed).toBe(1);
  expect(report.warnings[0]).toMatch(/cannot be met: \d/);
});

test.each(['l1', 'l2', 'geometric-mean', 'fpgm', 'batchnorm-scale', 'random'])('importance %s', async (importance) => {
  const model = await loadModel(fixturePath('cnn-batchnorm.onnx'));
  const { model: pruned, report } = await runOnCopy(model, pruneChannels, { ratio: 0.25, importance });
  expect(report.changed.map(({ what }) => what)).toEqual([
    '8 → 6 channels',
    '16 → 12 channels',
    '16 → 12 channels',
    '24 → 18 neurons',
  ]);
  await outputsOf(pruned, feedsFor(pruned));
});

test.each(['activation', 'taylor', 'fisher'])('importance %s, with samples', async (importance) => {
  const model = await loadModel(fixturePath('cnn-batchnorm.onnx'));
  const { model: pruned, report } = await prune(
    model,
    pruneChannels,
    { ratio: 0.25, importance, scope: 'local' },
    samplesFor(model),
  );
  expect(report.changed.slice(0, 4).map(({ what }) => what)).toEqual([
    '8 → 6 channels',
    '16 → 12 channels',
    '16 → 12 channels',
    '24 → 18 neurons',
  ]);
  await outputsOf(pruned, feedsFor(pruned));
});

/** Two convolutions in a row whose channels 1 and 2 are small; what the first one makes is ten times as large. */
function unequal(): Model {
  return parseModel(`<ir_version: 10, opset_import: ["" : 17]> graph (float[n,1,2,2] x) => (float[n,2] y)
    <float[4,1,1,1] a = {30, 1, 2, 40}, float[4,4,1,1] b = {3,3,3,3, 0.1,0.1,0.1,0.1, 0.2,0.2,0.2,0.2, 4,4,4,4}, float[4,2] c = {1,2,3,4,5,6,7,8}> {
      s = Conv (x, a) p = Relu (s) t = Conv (p, b) q = Relu (t) g = GlobalAveragePool (q) f = Flatten (g) y = MatMul (f, c)
    }`);
}

test.each([
  ['local', { s: '4 → 3', t: '4 → 3', u: '4 → 3' }],
  ['global', { t: '4 → 1' }],
  ['isomorphic', { t: '4 → 2', u: '4 → 3' }],
] as const)('scope %s', async (scope, expected) => {
  const ones = (factors: readonly number[]): string => factors.map((factor) => Array(4).fill(factor)).join();
  const model = parseModel(`<ir_version: 10, opset_import: ["" : 17]> graph (float[n,1,2,2] x) => (float[n,2] y)
    <float[4,1,1,1] a = {10, 9, 11, 10}, float[4,4,1,1] b = {${ones([1, 0.1, 0.1, 0.1])}}, float[4,4,1,1] c = {${ones([1, 0.2, 0.2, 0.2])}}, float[4,2] d = {1,2,3,4,5,6,7,8}> {
      s = Conv (x, a) p = Relu (s) t = Conv (p, b) q = Relu (t) u = Conv (q, c) g = GlobalAveragePool (u) f = Flatten (g) y = MatMul (f, d)
    }`);
  const { report } = await runOnCopy(model, pruneChannels, { ratio: 0.25, scope, importance: 'l1' });
  expect(Object.fromEntries(report.changed.map(({ target, what }) => [target, what.replace(' channels', '')]))).toEqual(
    expected,
  );
});

test('the activation that is smallest goes, and so does the unit that the loss depends on least', async () => {
  for (const importance of ['activation', 'taylor']) {
    const model = unequal();
    const { model: pruned } = await prune(
      model,
      pruneChannels,
      { ratio: 0.25, importance, scope: 'local', reconstruct: false },
      samplesOf([1, 1, 2, 2], 12),
    );
    const left = [...pruned.graph.initializers].map(({ name, constant }) => [name, [...constant!.readFloat32()]]);
    expect(Object.fromEntries(left).a, importance).toEqual([30, 2, 40]);
  }
});

test('heads are judged by each importance', async () => {
  const model = await loadModel(fixturePath('transformer-block.onnx'));
  for (const importance of ['l1', 'l2', 'activation', 'output-error', 'taylor']) {
    const { report } = await prune(model, pruneHeads, { ratio: 0.5, importance }, samplesFor(model));
    expect(report.changed[0], importance).toEqual({ target: 'query', what: '4 → 2 heads' });
  }
});

test('heads and neurons go separately', async () => {
  const model = await loadModel(fixturePath('transformer-block.onnx'));
  const heads = await runOnCopy(model, pruneHeads, { ratio: 0.5 });
  expect(heads.report.changed).toEqual([{ target: 'query', what: '4 → 2 heads' }]);
  const neurons = await runOnCopy(heads.model, pruneNeurons, { ratio: 0.25 });
  expect(neurons.report.changed.every(({ what }) => what.endsWith('neurons'))).toBe(true);
  expect((await outputsOf(neurons.model, feedsFor(model))).y.shape).toEqual([2, 2, 32]);
});

test('importance by samples without samples is an error', async () => {
  const model = await loadModel(fixturePath('resnet20_cifar10.onnx'));
  for (const importance of ['reconstruction', 'output-error', 'activation', 'taylor']) {
    await expect(runOnCopy(model, pruneChannels, { importance })).rejects.toThrow(/real inputs/);
  }
  await expect(runOnCopy(model, pruneChannels, { importance: 'l3' })).rejects.toThrow(/importance/);
});

/** Two residual blocks; the first adds nearly nothing. */
function residual(): Model {
  const model = randomModel(
    `<ir_version: 10, opset_import: ["" : 17]> graph (float[n,3,6,6] x) => (float[n,4] y)
    <float[8,3,3,3] s, float[8,8,3,3] a, float[8,8,3,3] b, float[8] bb, float[8,8,3,3] c, float[8,8,3,3] d, float[8] db, float[8,4] f> {
      stem = Conv <pads = [1,1,1,1]> (x, s)
      in = Relu (stem)
      a1 = Conv <pads = [1,1,1,1]> (in, a)
      a2 = Relu (a1)
      a3 = Conv <pads = [1,1,1,1]> (a2, b, bb)
      sum1 = Add (a3, in)
      out1 = Relu (sum1)
      c1 = Conv <pads = [1,1,1,1]> (out1, c)
      c2 = Relu (c1)
      c3 = Conv <pads = [1,1,1,1]> (c2, d, db)
      sum2 = Add (c3, out1)
      out2 = Relu (sum2)
      pooled = GlobalAveragePool (out2)
      flat = Flatten (pooled)
      y = MatMul (flat, f)
    }`.replace(/float\[([\d,]+)\] (s|a|b|bb|c|d|db|f)(?=[,>])/g, 'float[$1] $2 = {...}'),
  );
  const small = [...model.graph.initializers].find(({ name }) => name === 'b')!;
  small.constant = float32Tensor(
    [8, 8, 3, 3],
    small.constant!.readFloat32().map((value) => value * 1e-3),
  );
  return model;
}

test('a residual branch that adds nearly nothing goes as a whole, and the rest makes up for it', async () => {
  const model = residual();
  const samples = samplesOf([1, 3, 6, 6], 24);
  const options = { targetMacs: 0.6, multipleOf: 8, branches: true };
  const { model: pruned, report } = await prune(model, pruneChannels, options, samples);
  expect(report.changed.map(({ target, what }) => `${target}: ${what}`)).toEqual([
    'a1: 8 → 0 channels: the whole branch',
  ]);
  expect([...pruned.graph.nodes()].map(({ opType }) => opType).join(' ')).toBe(
    'Conv Relu Conv Relu Conv Add Relu GlobalAveragePool Flatten MatMul',
  );
  const feeds = feedsFor(model, 9);
  const { y } = await outputsOf(model, feeds);
  expect(relativeError((await outputsOf(pruned, feeds)).y, y)).toBeLessThan(0.05);
  const { model: plain } = await prune(model, pruneChannels, { ...options, reconstruct: false }, samples);
  expect(relativeError((await outputsOf(plain, feeds)).y, y)).toBeGreaterThan(0.15);
});
