// Runs the built package: the process of a model is plain Node.js, which cannot load TypeScript sources.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Model, tensorType } from '../../src/ir/index.js';
import { saveModel } from '../../src/onnx/index.js';
import { float32Tensor } from '../../src/tensor/index.js';

const built = fileURLToPath(new URL('../../dist/src/measure/index.js', import.meta.url));

async function loadBuilt(): Promise<typeof import('../../src/measure/index.js')> {
  return import(built);
}

async function saveMatMul(path: string, size: number): Promise<void> {
  const model = new Model();
  model.opsetImports.set('', 17);
  model.irVersion = 8;
  const x = model.graph.addInput('x', tensorType('float32', ['batch', size]));
  const weight = model.graph.addInitializer('w', float32Tensor([size, size], new Float32Array(size * size).fill(0.01)));
  const node = model.graph.append({ opType: 'MatMul', inputs: [x, weight], outputs: ['y'] });
  node.output.type = tensorType('float32', ['batch', size]);
  model.graph.addOutput(node.output);
  await saveModel(model, path);
}

describe.skipIf(!existsSync(built))('benchmark (needs `npm run build`)', () => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dsopt-measure-'));
    await saveMatMul(join(folder, 'small.onnx'), 8);
    await saveMatMul(join(folder, 'large.onnx'), 1024);
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
