import { expect, test } from 'vitest';
import { pruneLayers } from '../../../passes/prune-layers/index.js';
import type { Feeds } from '../../../src/engine/index.js';
import { cloneModel, type Model, verifyModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { loadModel } from '../../../src/onnx/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { type PassReport, runPass } from '../../../src/pass/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { randomModel } from '../../analysis/channel-groups/removal.js';
import { engine, fixturePath, outputsOf, relativeError, runOnCopy } from '../../fixture-models.js';

function draw(seed: number, batch: number): Feeds {
  const random = createRandom(seed);
  return {
    x: float32Tensor(
      [batch, 6],
      Float32Array.from({ length: 6 * batch }, () => random.normal()),
    ),
  };
}

const samples: AsyncIterable<Feeds> = {
  async *[Symbol.asyncIterator]() {
    for (let seed = 1; seed <= 100; seed++) yield draw(seed, 1);
  },
};

async function prune(model: Model, options: object): Promise<{ model: Model; report: PassReport }> {
  const copy = cloneModel(model);
  const { signal } = new AbortController();
  const environment = { original: model, engine, workers: inlineWorkers, samples, signal, seed: 0 };
  return { model: copy, report: await runPass(copy, pruneLayers, options, environment) };
}

/** Three blocks, the second of which adds little. */
function threeBlocks(): Model {
  const model = randomModel(`<ir_version: 10, opset_import: ["" : 17]> graph (float[n,6] x) => (float[n,3] y)
    <float[6,8] first = {...}, float[8,8] a0 = {...}, float[8,8] b0 = {...}, float[8] c0 = {...}, float[8,8] a1 = {...}, float[8,8] b1 = {...}, float[8] c1 = {...}, float[8,8] a2 = {...}, float[8,8] b2 = {...}, float[8] c2 = {...}, float[8,3] last = {...}> {
      s0 = MatMul (x, first)
      h0 = MatMul (s0, a0) t0 = Tanh (h0) u0 = MatMul (t0, b0) v0 = Add (u0, c0) s1 = Add (v0, s0)
      h1 = MatMul (s1, a1) t1 = Tanh (h1) u1 = MatMul (t1, b1) v1 = Add (u1, c1) s2 = Add (v1, s1)
      h2 = MatMul (s2, a2) t2 = Tanh (h2) u2 = MatMul (t2, b2) v2 = Add (u2, c2) s3 = Add (v2, s2)
      y = MatMul (s3, last)
    }`);
  for (const value of model.graph.initializers) {
    const { shape } = value.constant!;
    const factor = /^[bc]1$/.test(value.name) ? 0.05 : 0.5;
    value.constant = float32Tensor(
      shape,
      value.constant!.readFloat32().map((weight) => weight * factor),
    );
  }
  return model;
}

test.each(['output-error', 'block-influence', 'taylor', 'fisher'])(
  'importance %s finds the block that adds little',
  async (importance) => {
    const { model, report } = await prune(threeBlocks(), { ratio: 0.34, importance });
    verifyModel(model);
    expect(report.changed[0].target).toBe('s2');
    expect(report.changed[0].what).toMatch(/^block 2 of 3 left out \(score /);
    expect(report.skipped.map(({ target }) => target)).toEqual(['s1', 's3']);
    expect([...model.graph.initializers].map(({ name }) => name)).not.toContain('a1');
  },
);

test('what is left makes up for a block that is gone', async () => {
  const model = threeBlocks();
  const { model: plain } = await prune(model, { ratio: 0.34, reconstruct: false });
  const { model: repaired, report } = await prune(model, { ratio: 0.34 });
  expect(report.metrics.refittedOperators).toBe(2);
  const feeds = draw(99, 16);
  const expected = (await outputsOf(model, feeds)).y;
  const errors = await Promise.all(
    [plain, repaired].map(async (one) => relativeError((await outputsOf(one, feeds)).y, expected)),
  );
  expect(errors[1]).toBeLessThan(0.6 * errors[0]);
});

test('a first block that scales is replaced by a scale', async () => {
  const model = randomModel(`<ir_version: 10, opset_import: ["" : 17]> graph (float[n,6] x) => (float[n,3] y)
    <float[6] two = {1,2,1,2,1,2}, float[6,6] eye = {2,0,0,0,0,0, 0,-0.5,0,0,0,0, 0,0,1,0,0,0, 0,0,0,1,0,0, 0,0,0,0,0.3,0, 0,0,0,0,0,0.1}, float[6,6] w = {...}, float[6,3] last = {...}> {
      s0 = Mul (x, two)
      v0 = MatMul (s0, eye) s1 = Add (s0, v0)
      h1 = MatMul (s1, w) t1 = Tanh (h1) s2 = Add (s1, t1)
      y = MatMul (s2, last)
    }`);
  const { model: pruned, report } = await prune(model, { ratio: 0.9, include: ['s1'] });
  expect(report.changed.map(({ what }) => what)).toContain(
    'scales and shifts 6 channels in the place of what was left out',
  );
  const feeds = draw(7, 8);
  expect(relativeError((await outputsOf(pruned, feeds)).y, (await outputsOf(model, feeds)).y)).toBeLessThan(0.02);
});

test('a share of the multiplications, without data, of a residual CNN that then runs at any batch', async () => {
  const model = await loadModel(fixturePath('resnet20_cifar10.onnx'));
  const { model: pruned, report } = await runOnCopy(model, pruneLayers, { targetMacs: '70%' });
  expect(report.changed.length).toBeGreaterThanOrEqual(2);
  expect(report.warnings).toEqual([expect.stringContaining('made-up inputs')]);
  for (const batch of [1, 3]) {
    const input = float32Tensor([batch, 3, 32, 32], new Float32Array(batch * 3072).fill(0.1));
    expect((await outputsOf(pruned, { input })).logits.shape).toEqual([batch, 10]);
  }
});

test('what cannot be reached is said', async () => {
  const model = await loadModel(fixturePath('resnet20_cifar10.onnx'));
  const { report } = await runOnCopy(model, pruneLayers, { targetBytes: 1000, importance: 'block-influence' });
  expect(report.metrics.targetMissed).toBe(1);
  expect(report.warnings.at(-1)).toMatch(/cannot be met: \d+\.\d % of the bytes is left without all 7 residual blocks/);
});

test('a model without residual blocks stays, with the reason', async () => {
  const { report } = await runOnCopy(await loadModel(fixturePath('mlp.onnx')), pruneLayers);
  expect(report.edited).toBe(false);
  expect(report.skipped).toEqual([{ target: 'the model', reason: 'it has no residual blocks' }]);
});
