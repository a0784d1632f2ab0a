// Models in 16 bits: what they compute, where float32 stays, and what onnxruntime makes of them.
import { describe, expect, it } from 'vitest';
import { convertFloats } from '../../../passes/convert-floats/index.js';
import { cloneModel, type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { type Pass, runPass } from '../../../src/pass/index.js';
import { float32Tensor, MemoryTensor, sizeOf } from '../../../src/tensor/index.js';
import { engine, feedsFor, outputsOf, relativeError, runOnCopy } from '../../fixture-models.js';
import { optimizedOperators } from '../../optimized-graph.js';
import { temporaryFolder } from '../../temporary-folder.js';

const folder = temporaryFolder();
const pass = convertFloats as unknown as Pass;

function modelOf(text: string, weights: Readonly<Record<string, readonly number[]>>): Model {
  const model = parseModel(text);
  const random = createRandom(3);
  for (const [name, shape] of Object.entries(weights)) {
    const value = [...model.graph.initializers].find((initializer) => initializer.name === name)!;
    value.constant = float32Tensor(
      shape,
      Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
    );
  }
  return model;
}

function typeOf(model: Model, name: string): string | undefined {
  const values = [...model.allNodes()].flatMap((node) => node.outputs);
  const type = values.find((value) => value?.name === name)?.type;
  return type?.kind === 'tensor' ? type.dataType : undefined;
}

async function errorOf(model: Model, converted: Model): Promise<number> {
  const feeds = feedsFor(model);
  const [before, after] = [await outputsOf(model, feeds), await outputsOf(converted, feeds)];
  return Math.max(...Object.keys(before).map((name) => relativeError(after[name], before[name])));
}

const chain = `<ir_version: 8, opset_import: ["" : 17]>
test (float[3,64] x) => (float[3,64] y) <float[1] w = {0}, float[1] v = {0}, float eps = {1e-12}, float mask = {-3e38}>
{
  h = MatMul (x, w)
  s = ReduceMean <axes = [1], keepdims = 1> (h)
  d = Sub (h, s)
  e = Mul (d, d)
  m = ReduceMean <axes = [1], keepdims = 1> (e)
  a = Add (m, eps)
  r = Sqrt (a)
  n = Div (d, r)
  c = CumSum (n, one)
  k = Max (c, mask)
  one = Constant <value = int64 {1}> ()
  p = MatMul (k, v)
  y = Tanh (p)
}`
  .replace('  one = Constant <value = int64 {1}> ()\n', '')
  .replace('{\n', '{\n  one = Constant <value = int64 {1}> ()\n');
const weights = { w: [64, 64], v: [64, 64] };

describe('convert-floats', () => {
  it('computes in float16 around islands, and keeps inputs and outputs', async () => {
    const original = modelOf(chain, weights);
    const { model, report } = await runOnCopy(original, pass);
    expect(report.skipped).toEqual([{ target: 'c', reason: 'CumSum stays in float32' }]);
    expect(typeOf(model, 'h')).toBe('float16');
    expect(typeOf(model, 'y')).toBe('float32');
    expect([...model.graph.initializers].some(({ constant }) => constant?.dataType === 'float32')).toBe(false);
    // Eleven bits of precision, and what two products and a sum over them make of it.
    expect(await errorOf(original, model)).toBeLessThan(0.03);
  });

  it('changes inputs and outputs where it may', async () => {
    const { model } = await runOnCopy(modelOf(chain, weights), pass, { keepIo: false });
    const [x] = model.graph.inputs;
    const [y] = model.graph.outputs;
    for (const { type } of [x, y]) expect(type).toMatchObject({ dataType: 'float16', shape: [3, 64] });
    const session = await engine.open(model);
    expect(session.inputs[0].type?.dataType).toBe('float16');
    await session.close();
  });

  it.each(['float16', 'bfloat16'])('stores %s and computes float32 without a Cast at run time', async (type) => {
    const original = modelOf(chain, weights);
    const { model, report } = await runOnCopy(original, pass, { type, compute: 'float32' });
    expect(report.changed.map(({ target }) => target)).toEqual(['w', 'v']);
    expect([...(await optimizedOperators(model, folder)).keys()]).not.toContain('Cast');
    expect(await errorOf(original, model)).toBeLessThan(type === 'float16' ? 0.01 : 0.06);
  });

  it('leaves weights and, with samples, activations in float32 that float16 does not hold', async () => {
    const text = `<ir_version: 8, opset_import: ["" : 17]>
test (float[3,64] x) => (float[3,64] y) <float[1] w = {0}, float[1] v = {0}, float big = {60000}, float small = {0.00001}>
{
  h = MatMul (x, w)
  b = Mul (h, big)
  s = Mul (b, small)
  y = MatMul (s, v)
}`;
    const original = modelOf(text, weights);
    const convert = async (samples: boolean) => {
      const copy = cloneModel(original);
      const { signal } = new AbortController();
      const given = samples ? streamOf([feedsFor(original), feedsFor(original, 2)]) : null;
      const environment = { original, engine, workers: inlineWorkers, samples: given, signal, seed: 0 };
      return { model: copy, report: await runPass(copy, pass, {}, environment) };
    };
    expect((await convert(false)).report.skipped).toEqual([]);
    const { model, report } = await convert(true);
    expect(report.skipped).toEqual([
      { target: 'b', reason: 'float16 does not hold the values of b' },
      { target: 's', reason: 'float16 does not hold the values of b' },
    ]);
    expect(await errorOf(original, model)).toBeLessThan(0.01);

    const wide = modelOf(text, weights);
    const w = [...wide.graph.initializers].find(({ name }) => name === 'w')!;
    w.constant = float32Tensor([64, 64], new Float32Array(4096).fill(1e5));
    const kept = await runOnCopy(wide, pass);
    expect(kept.report.skipped).toEqual([{ target: 'h', reason: 'float16 does not hold the values of w' }]);
  });

  it('computes in float16 in branches, whose outputs keep their types', async () => {
    const text = `<ir_version: 8, opset_import: ["" : 17]>
test (bool c, float[3,64] x) => (float[3,64] y) <float[1] w = {0}, float[1] v = {0}>
{
  h = MatMul (x, w)
  z = If (c) <
    then_branch = a () => (float[3,64] p) { p = Relu (h) },
    else_branch = b () => (float[3,64] q) { q = MatMul (h, w) }
  >
  y = MatMul (z, v)
}`;
    const original = modelOf(text, weights);
    const { model, report } = await runOnCopy(original, pass);
    expect(report.changed.map(({ target }) => target)).toEqual(['h', 'p', 'q', 'y']);
    // One copy of w for the product outside and the one in the branch.
    const stored = [...model.graph.initializers].map(({ constant }) => constant!.byteLength);
    expect(stored.reduce((sum, bytes) => sum + bytes, 0)).toBe(2 * 2 * 64 * 64);
    expect(await errorOf(original, model)).toBeLessThan(0.01);
  });

  it('computes in float16 in loops and branches within, what goes from round to round stays in float32', async () => {
    const text = `<ir_version: 8, opset_import: ["" : 17]>
test (bool c, float[3,64] x) => (float[3,64] y, float[2,3,64] all) <int64 rounds = {2}, bool start = {1}, float[1] w = {0}, float[1] v = {0}>
{
  h = MatMul (x, w)
  l, all = Loop (rounds, start, h) <
    body = step (int64 i, bool go, float[3,64] s) => (bool on, float[3,64] next, float[3,64] seen) {
      on = Identity (go)
      m = MatMul (s, v)
      t = If (c) <
        then_branch = a () => (float[3,64] p) { n = Tanh (m)  p = Add (n, h) },
        else_branch = b () => (float[3,64] q) { q = Sub (m, h) }
      >
      next = Sigmoid (t)
      seen = Mul (next, h)
    }
  >
  y = MatMul (l, w)
}`;
    const original = modelOf(text, weights);
    const { model, report } = await runOnCopy(original, pass);
    expect(report.changed.map(({ target }) => target).sort()).toEqual(['h', 'm', 'n', 'next', 'p', 'q', 'seen', 'y']);
    expect(report.skipped.map(({ reason }) => reason)).toEqual(
      Array(2).fill('what goes in and out of subgraphs stays in float32'),
    );
    expect(typeOf(model, 'n')).toBe('float16');
    for (const c of [0, 1]) {
      const feeds = { ...feedsFor(original), c: new MemoryTensor('bool', [], Uint8Array.of(c)) };
      const [before, after] = [await outputsOf(original, feeds), await outputsOf(model, feeds)];
      for (const name of ['y', 'all']) expect(relativeError(after[name], before[name])).toBeLessThan(0.01);
    }
  });

  it.each(['float16', 'bfloat16'] as const)(
    'keeps tables stored as %s in memory, and restores their rows',
    async (type) => {
      const original = modelOf(
        `<ir_version: 8, opset_import: ["" : 11]>
test (int64[3] ids) => (float[3,64] y, float[3,64] rows) <float[1] w = {0}, float[1] v = {0}>
{
  rows = Gather (w, ids)
  h = MatMul (rows, v)
  y = MatMul (h, w)
}`,
        weights,
      );
      const { model } = await runOnCopy(original, pass, { type, compute: 'float32' });
      expect([...model.graph.initializers].map(({ constant }) => constant!.dataType)).toEqual([type, type]);
      const gather = [...model.graph.nodes()].find((node) => node.is('Gather'))!;
      expect(gather.input(0)!.constant?.dataType).toBe(type);
      expect(model.opset).toBe(type === 'bfloat16' ? 13 : 11);
      const operators = await optimizedOperators(model, folder);
      expect(operators.get('Cast')).toBe(1);
      expect(await errorOf(original, model)).toBeLessThan(type === 'bfloat16' ? 0.03 : 0.003);
    },
  );

  it('computes no bfloat16', async () => {
    await expect(runOnCopy(modelOf(chain, weights), pass, { type: 'bfloat16', compute: 'half' })).rejects.toThrow(
      'no bfloat16',
    );
  });
});

async function* streamOf<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items;
}

it('keeps a Transpose in float32 with which onnxruntime would crash on the product behind it', async () => {
  const model = modelOf(
    `<ir_version: 8, opset_import: ["" : 17]>
test (float[4,3,32] x) => (float[3,4,64] y) <float[1] w = {0}>
{
  t = Transpose <perm = [1, 0, 2]> (x)
  p = MatMul (t, w)
  y = Tanh (p)
}`,
    { w: [32, 64] },
  );
  const { model: converted, report } = await runOnCopy(model, pass);
  expect(report.skipped.map(({ target }) => target)).toEqual(['t']);
  // Loads at all.
  expect(await errorOf(model, converted)).toBeLessThan(0.01);
});
