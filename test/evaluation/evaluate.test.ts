// Whole evaluations of models small enough to compute their figures by hand.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createOnnxRuntimeEngine } from '../../src/engine/index.js';
import { type EvaluateOptions, evaluate } from '../../src/evaluation/index.js';
import { parseModel } from '../../src/ir/index.js';
import { encodeToBytes } from '../../src/onnx/index.js';
import { npz } from '../data/numpy-files.js';
import { temporaryFolder } from '../temporary-folder.js';

const root = temporaryFolder();
const engine = createOnnxRuntimeEngine();

function model(name: string, graph: string): string {
  const path = join(root, `${name}.onnx`);
  writeFileSync(path, encodeToBytes(parseModel(`<ir_version: 8, opset_import: ["" : 17]>\n${graph}`)));
  return path;
}

function data(name: string, bytes: Uint8Array | string): string {
  const path = join(root, name);
  writeFileSync(path, bytes);
  return path;
}

function run(paths: readonly string[], options: Omit<EvaluateOptions, 'engine'>) {
  return evaluate(paths, { ...options, engine });
}

/** The input itself as logits, and the input with the second class favoured. */
const identity = model('identity', 'g (float[N,3] x) => (float[N,3] logits) { logits = Identity (x) }');
const biased = model(
  'biased',
  'g (float[N,3] x) => (float[N,3] logits) <float[3] b = {0, 1, 0}> { logits = Add (x, b) }',
);
const softmax = model('softmax', 'g (float[N,3] x) => (float[N,3] p) { p = Softmax <axis: int = -1> (x) }');

const scores = Float32Array.of(2, 0, 0, 0, 2, 0, 0, 0, 2, 0.5, 0, 0);
const labelled = data(
  'labelled.npz',
  npz({
    x: { dataType: 'float32', shape: [4, 3], data: scores },
    labels: { dataType: 'int64', shape: [4], data: BigInt64Array.of(0n, 1n, 1n, 0n) },
  }),
);

describe('evaluating classifiers', () => {
  it.each([1, 3, 8])('gives figures that do not depend on the batch: %i', async (batch) => {
    const { models, examples } = await run([identity, biased], { data: labelled, metrics: ['top1'], batch });
    expect(examples).toBe(4);
    // Right: 0, 1, not the third, 0. With the bias: 0, 1, not the third (2 > 1), and the last becomes 1.
    expect(models.map(({ metrics }) => metrics[0].value)).toEqual([0.75, 0.5]);
    expect(models[1].metrics[0].difference).toMatchObject({ value: -0.25, gained: 0, lost: 1, significant: false });
    const [agreement, kl, sqnr] = models[1].fidelity;
    expect([agreement.name, agreement.value, kl.name, sqnr.name]).toEqual(['agreement', 0.75, 'kl', 'sqnr']);
    // Σ x² = 12.25 and noise 1 a row.
    expect(sqnr.value).toBeCloseTo(10 * Math.log10(12.25 / 4), 5);
    expect(models[0].fidelity).toEqual([]);
  });

  it('takes probabilities for what they are', async () => {
    const metrics = ['perplexity', 'top5'];
    const { models } = await run([identity, softmax], { data: labelled, metrics: ['top1'] });
    expect(models[1].metrics[0].value).toBe(0.75);
    const [logits] = (await run([identity], { data: labelled, metrics })).models;
    const [probabilities] = (await run([softmax], { data: labelled, metrics })).models;
    expect(probabilities.metrics[0].value).toBeCloseTo(logits.metrics[0].value ?? 0, 5);
  });

  it('chooses a metric that suits the answers', async () => {
    expect((await run([identity], { data: labelled })).metrics[0].name).toBe('accuracy');
    const unlabelled = data('unlabelled.npz', npz({ x: { dataType: 'float32', shape: [4, 3], data: scores } }));
    expect((await run([identity, biased], { data: unlabelled })).metrics[0].name).toBe('sqnr');
    await expect(run([identity], { data: unlabelled })).rejects.toThrow(/no right answers/);
    await expect(run([identity], { data: unlabelled, metrics: ['top1'] })).rejects.toThrow(/top1 needs right answers/);
    await expect(run([identity], { data: labelled, metrics: ['top2'] })).rejects.toThrow(/no metric top2/);
  });

  it('compares with right outputs', async () => {
    const wanted = npz({
      x: { dataType: 'float32', shape: [2, 3], data: scores.slice(0, 6) },
      logits: { dataType: 'float32', shape: [2, 3], data: Float32Array.of(2, 0, 1, 0, 2, 0) },
    });
    const result = await run([identity], { data: data('outputs.npz', wanted) });
    expect([result.metrics[0].name, result.models[0].metrics[0].value]).toEqual(['mse', expect.closeTo(1 / 6, 12)]);
  });

  it('counts outputs that are not finite', async () => {
    const broken = model('broken', 'g (float[N,3] x) => (float[N,3] y) { s = Sub (x, x) \n y = Div (s, s) }');
    const { models } = await run([identity, broken], { data: labelled, metrics: ['top1'] });
    expect(models[1]).toMatchObject({ nonFinite: 4, metrics: [{ value: 0 }] });
  });

  it('stops when it is told to', async () => {
    const signal = AbortSignal.abort();
    await expect(run([identity], { data: labelled, signal })).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('evaluating language models', () => {
  it('gives the perplexity of every byte but the first', async () => {
    // All bytes equally likely: 256.
    const uniform = model(
      'uniform',
      'g (int64[N,T] input_ids) => (float[N,T,256] logits) <int64 depth = {256}, float[2] v = {0, 0}> { logits = OneHot (input_ids, depth, v) }',
    );
    const text = data('text.txt', 'the cat sat on the mat');
    const metrics = ['perplexity', 'nats-per-byte', 'word-perplexity'];
    const { models } = await run([uniform], { data: text, dataOptions: { window: 5 }, metrics });
    const [perplexity, nats, words] = models[0].metrics;
    expect(perplexity.value).toBeCloseTo(256, 3);
    expect(nats.value).toBeCloseTo(Math.log(256), 6);
    // 20 bytes of whole windows after the first, in which five words begin.
    expect(words.value).toBeCloseTo(256 ** (20 / 5), -6);
    expect((await run([uniform], { data: text })).metrics[0].name).toBe('nats-per-byte');
  });
});

describe('evaluating models with state', () => {
  it('feeds it back within a clip, and begins anew with the next', async () => {
    // The state adds up the first sample of each frame.
    const counter = model(
      'counter',
      `g (float[1,2] input, float[1,1] state) => (float[1,1] output, float[1,1] stateN) <
        int64[1] zero = {0}, int64[1] one = {1}
      > {
        first = Slice (input, zero, one, one)
        stateN = Add (state, first)
        output = Identity (stateN)
      }`,
    );
    const module = data(
      'frames.mjs',
      `export default [
        { feeds: { input: [[1, 0]] }, targets: { output: [[1]] } },
        { feeds: { input: [[2, 0]] }, targets: { output: [[3]] }, continues: true },
        { feeds: { input: [[4, 0]] }, targets: { output: [[7]] }, continues: true },
        { feeds: { input: [[5, 0]] }, targets: { output: [[5]] } },
      ];`,
    );
    const { models } = await run([counter], { data: module, batch: 4 });
    expect(models[0].metrics[0]).toMatchObject({ name: 'mse', value: 0 });
  });
});

describe('evaluating on images', () => {
  it('reads class folders', async () => {
    const { default: sharp } = await import('sharp');
    for (const [name, value] of [
      ['a', 250],
      ['b', 3],
    ] as const) {
      const folder = join(root, 'images', name);
      mkdirSync(folder, { recursive: true });
      const background = { r: value, g: value, b: value };
      await sharp({ create: { width: 2, height: 2, channels: 3, background } })
        .png()
        .toFile(join(folder, 'x.png'));
    }
    // Bright images are class 0.
    const bright = model(
      'bright',
      `g (float[N,3,2,2] image) => (float[N,2] logits) <float[1,1] c = {1}> {
        mean = ReduceMean <axes: ints = [1, 2, 3], keepdims: int = 0> (image)
        axis = Constant <value: tensor = int64[1] {1}> ()
        column = Unsqueeze (mean, axis)
        dark = Sub (c, column)
        logits = Concat <axis: int = 1> (column, dark)
      }`,
    );
    const { models, metrics } = await run([bright], { data: join(root, 'images') });
    expect([metrics[0].name, models[0].metrics[0].value]).toEqual(['top1', 1]);
  });
});
