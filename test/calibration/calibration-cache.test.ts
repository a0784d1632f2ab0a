import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { quantizeStatic } from '../../passes/quantize-static/index.js';
import { CalibrationCache, hashSamples } from '../../src/calibration/index.js';
import type { Feeds } from '../../src/engine/index.js';
import { cloneModel, type Model } from '../../src/ir/index.js';
import { encodeToBytes } from '../../src/onnx/index.js';
import { inlineWorkers } from '../../src/parallel/index.js';
import { runPass } from '../../src/pass/index.js';
import { engine, feedsFor } from '../fixture-models.js';
import { modelOf } from '../passes/quantize-static/model-of.js';
import { temporaryFolder } from '../temporary-folder.js';

const temporary = temporaryFolder();
const model = modelOf(`<ir_version: 8, opset_import: ["" : 17]>
graph (float[1,3,8,8] x, float[8,3,3,3] w1, float[8] b1, float[8,1,3,3] w2, float[4,8,1,1] w3) => (float[1,4,8,8] y) {
  [c1] h1 = Conv <pads = [1, 1, 1, 1]> (x, w1, b1)
  [r1] a1 = Relu (h1)
  [c2] h2 = Conv <group = 8, pads = [1, 1, 1, 1]> (a1, w2)
  [c3] y = Conv (h2, w3)
}`);

/** Samples that count how often they are asked for. */
class CountedSamples {
  given = 0;
  private readonly count: number;

  constructor(count: number) {
    this.count = count;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Feeds> {
    for (let seed = 1; seed <= this.count; seed++) {
      this.given++;
      yield feedsFor(model, seed);
    }
  }
}

async function run(options: Readonly<Record<string, unknown>>, path: string | null, { count = 6, auto = false } = {}) {
  const samples = new CountedSamples(count);
  const cache = path === null ? null : CalibrationCache.open(path);
  const copy: Model = cloneModel(model);
  const { signal } = new AbortController();
  const environment = {
    original: model,
    engine,
    workers: inlineWorkers,
    samples,
    samplesAuto: auto,
    cache,
    signal,
    seed: 0,
  };
  const all = { edges: 'integer', slowKernels: 'integer', minimumSize: 1, ...options };
  const report = await runPass(copy, quantizeStatic, all, environment);
  cache?.save();
  return { bytes: encodeToBytes(copy), report, samples };
}

describe('the calibration cache', () => {
  it('changes nothing about results, and spares a second run the sweeps', async () => {
    const path = join(temporary, 'a.calibration');
    const plain = await run({}, null);
    const first = await run({}, path);
    const second = await run({}, path);
    expect(first.bytes).toEqual(plain.bytes);
    expect(second.bytes).toEqual(plain.bytes);
    expect(second.report.metrics).toMatchObject({ cacheMisses: 0 });
    // Once to know which samples they are, and once to try the plan on those held out; a sweep each for weights and ranges before.
    expect([first.samples.given, second.samples.given]).toEqual([4 * 6, 2 * 6]);
  });

  it('serves other ways to choose ranges, and other types', async () => {
    const path = join(temporary, 'b.calibration');
    await run({}, path);
    for (const options of [
      { calibrationMethod: 'minmax' },
      { percentile: 99 },
      { activationSymmetric: true },
      { preset: 'accurate' },
    ]) {
      const kept = await run(options, path);
      expect(kept.bytes).toEqual((await run(options, null)).bytes);
    }
    expect((await run({ calibrationMethod: 'percentile' }, path)).report.metrics.cacheMisses).toBe(0);
  });

  it('does not take what belongs to other samples or weights', async () => {
    const path = join(temporary, 'c.calibration');
    await run({}, path);
    expect((await run({}, path, { count: 5 })).report.metrics.cacheHits).toBe(0);
    expect((await run({ rounding: 'nearest', biasCorrection: false }, path)).report.metrics.cacheHits).toBe(0);
  });

  it('refuses files that are something else', () => {
    const path = join(temporary, 'd.calibration');
    writeFileSync(
      path,
      '{"schema": "dsopt.calibration/1", "entries": {"k": {"a": {"type": "Function", "base64": ""}}}}',
    );
    expect(() => CalibrationCache.open(path)).toThrow(/is no calibration cache/);
    writeFileSync(path, 'no JSON');
    expect(() => CalibrationCache.open(path)).toThrow(/is no calibration cache/);
  });

  it('keeps infinities and arrays', () => {
    const path = join(temporary, 'e.calibration');
    const cache = CalibrationCache.open(path);
    expect(cache.get('k')).toBeNull();
    cache.set('k', { least: Number.POSITIVE_INFINITY, counts: Float64Array.of(1, 2.5), words: ['a'] });
    cache.save();
    expect(readFileSync(path, 'utf8')).toContain('Infinity');
    expect(CalibrationCache.open(path).get('k')).toEqual({
      least: Number.POSITIVE_INFINITY,
      counts: Float64Array.of(1, 2.5),
      words: ['a'],
    });
  });

  it('tells samples apart by their values', async () => {
    const hash = (count: number) => hashSamples(new CountedSamples(count));
    expect(await hash(2)).toBe(await hash(2));
    expect(await hash(2)).not.toBe(await hash(3));
  });
});

describe('samples without a number', () => {
  it('are taken until ranges no longer move', async () => {
    const { report } = await run({}, null, { count: 400, auto: true });
    expect(report.metrics.calibrationSamples).toBeGreaterThanOrEqual(48);
    expect(report.metrics.calibrationSamples).toBeLessThan(400);
    expect(report.warnings).toEqual([]);
  });

  it('are all taken where there are too few, which is said', async () => {
    const { report } = await run({}, null, { count: 10, auto: true });
    expect(report.metrics.calibrationSamples).toBe(10);
    expect(report.warnings).toEqual(['The ranges of activations were still moving after all 10 samples']);
  });
});
