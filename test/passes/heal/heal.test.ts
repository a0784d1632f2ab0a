// Healing as a pass: a damaged model comes closer to its original; weights in Constant nodes are trained where they are.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { heal } from '../../../passes/heal/index.js';
import { cloneModel, type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { type Pass, runPass } from '../../../src/pass/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { engine, relativeError } from '../../fixture-models.js';
import { inputs, network } from '../../training/small-models.js';

const pass = heal as unknown as Pass;

async function healed(model: Model, original: Model, options: Readonly<Record<string, unknown>> = {}) {
  const environment = {
    original,
    engine,
    workers: inlineWorkers,
    samples: inputs(64),
    signal: new AbortController().signal,
    seed: 0,
  };
  return runPass(model, pass, { batch: 16, epochs: 10, lr: 0.01, threads: 1, ...options }, environment);
}

/** Of class scores: what is added to all of them does not count. */
async function distance(a: Model, b: Model): Promise<number> {
  const x = float32Tensor([2, 4], [0.5, -1, 0.3, 0.8, -0.2, 0.4, 1.1, -0.7]);
  const results = [];
  for (const model of [a, b]) {
    const session = await engine.open(model);
    const scores = (await session.run({ x })).y.readFloat32();
    const width = scores.length / 2;
    const means = [0, 1].map((row) => scores.subarray(row * width, (row + 1) * width).reduce((a, b) => a + b) / width);
    results.push(
      float32Tensor(
        [2, width],
        scores.map((value, i) => value - means[Math.floor(i / width)]),
      ),
    );
    await session.close();
  }
  return relativeError(results[0], results[1]);
}

test('a model with a damaged matrix comes back to what its original computes', async () => {
  const original = network(1);
  const model = cloneModel(original);
  const w2 = [...model.graph.initializers].find(({ name }) => name === 'w2')!;
  w2.constant = float32Tensor(
    w2.constant!.shape,
    w2.constant!.readFloat32().map((value) => Math.round(value)),
  );
  const before = await distance(model, original);
  const report = await healed(model, original);
  expect(report.changed.length).toBe(2);
  expect(report.curves?.loss.length).toBe(report.metrics.steps);
  expect(report.curves?.['held-out loss']).toBeUndefined();
  expect(await distance(model, original)).toBeLessThan(before / 2);
});

test('weights in Constant nodes stay there', async () => {
  const text = (w: string) => `<ir_version: 8, opset_import: ["": 17]> g (float[n,4] x) => (float[n,2] y) {
    w = Constant <value = float[4,2] {${w}}> ()
    y = MatMul (x, w)
  }`;
  const original = parseModel(text('1, 2, 3, 4, 5, 6, 7, 8'));
  const model = parseModel(text('1, 2, 3, 4, 5, 6, 7, 9'));
  await healed(model, original);
  expect(model.graph.initializers.size).toBe(0);
  expect([...model.graph.nodes()][0].attributes.tensor('value')!.readFloat32()[7]).not.toBe(9);
});

test('what cannot be differentiated is skipped with the reason', async () => {
  const text = `<ir_version: 8, opset_import: ["": 17]> g (float[n,4] x) => (float[n,4] y) <float[4,4] w = {1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1}> {
    h = MatMul (x, w)
    y = Det_like (h)
  }`;
  const model = parseModel(
    text
      .replace(
        'y = Det_like (h)',
        'd = Unsqueeze (h, one) t = Transpose <perm = [0, 2, 1]> (d) p = MatMul (t, d) q = Det (p) e = Unsqueeze (q, one) y = Mul (h, e)',
      )
      .replace('<float[4,4]', '<int64[1] one = {1}, float[4,4]'),
  );
  const original = cloneModel(model);
  const w = [...model.graph.initializers].find(({ name }) => name === 'w')!;
  w.constant = float32Tensor(
    [4, 4],
    w.constant!.readFloat32().map((value) => value * 1.1),
  );
  const report = await healed(model, original);
  expect(report.changed).toEqual([]);
  expect(report.skipped[0].reason).toContain('there is no gradient rule for Det');
});

test('without data there is an error that says what to give', async () => {
  const model = network(1);
  const environment = {
    original: model,
    engine,
    workers: inlineWorkers,
    samples: null,
    signal: new AbortController().signal,
    seed: 0,
  };
  await expect(runPass(cloneModel(model), pass, {}, environment)).rejects.toMatchObject({ code: 'USAGE' });
});

test('maps of residual blocks are compared, at a rate of their own', async () => {
  const random = createRandom(3);
  const list = (count: number): string => Array.from({ length: count }, () => random.normal().toFixed(3)).join(', ');
  const original = parseModel(`<ir_version: 8, opset_import: ["": 17]> g (float[n,2,4,4] x) => (float[n,2,4,4] y)
    <float[2,2,3,3] w = {${list(36)}}, float[2] b = {0.1, 0.2}> {
      a = Conv <pads = [1, 1, 1, 1]> (x, w, b)
      c = Conv <pads = [1, 1, 1, 1]> (a, w, b)
      s = Add (c, a)
      y = Relu (s)
    }`);
  const model = cloneModel(original);
  for (const value of model.graph.initializers) {
    const values = value.constant!.readFloat32().map((element) => 0.9 * element);
    value.constant = float32Tensor(value.constant!.shape, values);
  }
  const folder = mkdtempSync(join(tmpdir(), 'dsopt-heal-'));
  const log = join(folder, 'steps.jsonl');
  const environment = {
    original,
    engine,
    workers: inlineWorkers,
    samples: {
      async *[Symbol.asyncIterator]() {
        for (let i = 0; i < 32; i++) {
          const x = float32Tensor(
            [1, 2, 4, 4],
            Float32Array.from({ length: 32 }, () => random.normal()),
          );
          yield { x };
        }
      },
    },
    signal: new AbortController().signal,
    seed: 0,
  };
  await runPass(model, pass, { batch: 8, steps: 4, warmup: 0, schedule: 'constant', threads: 1, log }, environment);
  const steps = readFileSync(log, 'utf8').trim().split('\n');
  rmSync(folder, { recursive: true });
  for (const line of steps) {
    const { rate, terms, loss } = JSON.parse(line) as { rate: number; terms: readonly number[]; loss: number };
    expect(rate).toBe(5e-4);
    expect(terms).toHaveLength(2);
    expect(loss).toBeCloseTo(terms[0] + 20 * terms[1], 5);
  }
});
