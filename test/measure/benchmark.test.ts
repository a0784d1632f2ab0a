// Runs the built package: the process of a model is plain Node.js, which cannot load TypeScript sources.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dimension, Model, tensorType } from '../../src/ir/index.js';
import { saveModel } from '../../src/onnx/index.js';
import { float32Tensor } from '../../src/tensor/index.js';

const built = fileURLToPath(new URL('../../dist/src/measure/index.js', import.meta.url));

const builtSpeed = fileURLToPath(new URL('../../dist/src/measure-speed.js', import.meta.url));
const builtIndex = fileURLToPath(new URL('../../dist/src/index.js', import.meta.url));

async function loadBuilt(): Promise<typeof import('../../src/measure/index.js')> {
  return import(built);
}

async function saveMatMul(path: string, size: number, batch: Dimension = 'batch'): Promise<void> {
  const model = new Model();
  model.opsetImports.set('', 17);
  model.irVersion = 8;
  const x = model.graph.addInput('x', tensorType('float32', [batch, size]));
  const weight = model.graph.addInitializer('w', float32Tensor([size, size], new Float32Array(size * size).fill(0.01)));
  const node = model.graph.append({ opType: 'MatMul', inputs: [x, weight], outputs: ['y'] });
  node.output.type = tensorType('float32', [batch, size]);
  model.graph.addOutput(node.output);
  await saveModel(model, path);
}

describe.skipIf(!existsSync(built))('benchmark (needs `npm run build`)', () => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dsopt-measure-'));
    await saveMatMul(join(folder, 'small.onnx'), 8);
    await saveMatMul(join(folder, 'large.onnx'), 1024);
    await saveMatMul(join(folder, 'fixed.onnx'), 8, 5);
    writeFileSync(join(folder, 'broken.onnx'), 'not a model');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('measures each model in a process of its own and relates it to the first', async () => {
    const { benchmark } = await loadBuilt();
    const shares: number[] = [];
    const paths = ['small.onnx', 'large.onnx'].map((name) => join(folder, name));
    const result = await benchmark(paths, {
      runs: 30,
      warmup: 2,
      batch: 4,
      onProgress: (share) => shares.push(share),
    });
    expect(result).toMatchObject({ batch: 4, runs: 30, warmup: 2, threads: 1, seed: 0 });
    const [small, large] = result.models;
    expect(small.path).toBe(paths[0]);
    expect(small.ratio).toEqual({ median: 1, lower: 1, upper: 1 });
    // 16,384 times the work.
    expect(large.ratio.median).toBeGreaterThan(1);
    expect(large.ratio.lower).toBeLessThanOrEqual(large.ratio.upper);
    expect(small.inputs).toEqual({ x: [4, 8] });
    for (const model of result.models) {
      expect(model.latency.p50).toBeGreaterThan(0);
      expect(model.latency.p99).toBeGreaterThanOrEqual(model.latency.p50);
      expect(model.throughput).toBeCloseTo(4000 / model.latency.mean, 3);
      expect(model.sessionCreate).toBeGreaterThan(0);
      expect(model.peakMemory).toBeGreaterThan(20e6);
    }
    expect(shares.at(-1)).toBe(1);
  });

  test('takes the shapes of inputs it is given', async () => {
    const { benchmark } = await loadBuilt();
    const result = await benchmark([join(folder, 'small.onnx')], { runs: 1, warmup: 0, inputShapes: { x: [7, 8] } });
    expect(result.models[0].inputs).toEqual({ x: [7, 8] });
  });

  test('makes fewer runs where time is short, but three at least', async () => {
    const { benchmark } = await loadBuilt();
    const paths = ['small.onnx', 'large.onnx'].map((name) => join(folder, name));
    const result = await benchmark(paths, { runs: 1000, warmup: 1, seconds: 1e-9 });
    expect(result.runs).toBe(3);
  });

  test('feeds all models with the shapes of the first, where they take them', async () => {
    const { benchmark } = await loadBuilt();
    const paths = ['fixed.onnx', 'small.onnx'].map((name) => join(folder, name));
    const result = await benchmark(paths, { runs: 1, warmup: 0 });
    expect(result.models.map(({ inputs }) => inputs)).toEqual([{ x: [5, 8] }, { x: [5, 8] }]);
    const [, large] = (await benchmark([paths[0], join(folder, 'large.onnx')], { runs: 1, warmup: 0 })).models;
    expect(large.inputs).toEqual({ x: [1, 1024] });
  });

  test('measures a result beside its original, or says why it does not', async () => {
    const { measureSpeed } = (await import(builtSpeed)) as typeof import('../../src/measure-speed.js');
    const { loadModel } = (await import(builtIndex)) as typeof import('../../src/index.js');
    const original = await loadModel(join(folder, 'large.onnx'));
    const speed = await measureSpeed(original, join(folder, 'large.onnx'));
    expect(speed).toMatchObject({ threads: 1, inputs: { x: [1, 1024] } });
    expect(await measureSpeed(original, join(folder, 'large.onnx'), { maxMemory: 1e6 })).toMatch(
      /may take 16\.8 MB, more than the memory limit of 1\.0 MB/,
    );
    expect(await measureSpeed(original, join(folder, 'broken.onnx'))).toContain('broken.onnx');
  });

  test('a model that onnxruntime does not load is an error with its path', async () => {
    const { benchmark } = await loadBuilt();
    const paths = ['small.onnx', 'broken.onnx'].map((name) => join(folder, name));
    await expect(benchmark(paths, { runs: 1 })).rejects.toMatchObject({
      message: expect.stringContaining('broken.onnx'),
      code: 'MODEL_UNSUPPORTED',
    });
  });

  test('stops at once when it is aborted', async () => {
    const { benchmark } = await loadBuilt();
    const controller = new AbortController();
    const running = benchmark([join(folder, 'large.onnx')], {
      runs: 1e9,
      signal: controller.signal,
      onProgress: () => undefined,
    });
    setTimeout(() => controller.abort(), 500);
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('options out of range are usage errors', async () => {
    const { benchmark } = await loadBuilt();
    await expect(benchmark([])).rejects.toMatchObject({ code: 'USAGE' });
    await expect(benchmark(['m.onnx'], { runs: 0 })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(benchmark(['m.onnx'], { threads: 1.5 })).rejects.toMatchObject({ code: 'USAGE' });
  });
});
