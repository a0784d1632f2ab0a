import { describe, expect, it } from 'vitest';
import { HistogramObserver, WideningHistogram } from '../../src/calibration/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { float32Tensor } from '../../src/tensor/index.js';

function normals(count: number, factor: number, seed: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: count }, () => random.normal() * factor);
}

function histogramOf(parts: readonly Float32Array[]): WideningHistogram {
  const histogram = new WideningHistogram();
  for (const part of parts) histogram.add(part);
  return histogram;
}

describe('WideningHistogram', () => {
  const parts = [normals(500, 0.01, 1), normals(500, 1, 2), normals(500, 300, 3), Float32Array.of(-2000, 0, 0)];

  it('comes out the same in whatever order values come', () => {
    const { counts, binWidth, firstBin, zeros } = histogramOf(parts);
    const reversed = histogramOf(parts.toReversed());
    expect({ ...reversed, counts: [...reversed.counts] }).toMatchObject({
      binWidth,
      firstBin,
      zeros,
      counts: [...counts],
    });
    expect(zeros).toBe(2);
  });

  it('counts every value in the bin that it lies in', () => {
    const { counts, binWidth, firstBin } = histogramOf(parts);
    const expected = new Float64Array(counts.length);
    for (const part of parts) {
      for (const value of part) if (value !== 0) expected[Math.floor(value / binWidth) - firstBin]++;
    }
    expect([...counts]).toEqual([...expected]);
    expect(counts.length).toBeGreaterThan(2048);
    expect(counts.length).toBeLessThanOrEqual(4096);
  });

  it('leaves masks, infinities and NaN out', () => {
    const histogram = histogramOf([Float32Array.of(1, -3.4e38, Number.NaN, Number.POSITIVE_INFINITY, 2)]);
    expect(histogram).toMatchObject({ minimum: 1, maximum: 2, excluded: 3, zeros: 0 });
    expect(histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(2);
  });

  it('weighs channels, whichever axis they lie along', () => {
    const weights = Float64Array.of(1, 10);
    const rows = new WideningHistogram();
    rows.add(Float32Array.of(1, 2, 1, 2), { weights, inner: 1 });
    const planes = new WideningHistogram();
    planes.add(Float32Array.of(1, 1, 2, 2), { weights, inner: 2 });
    expect([...rows.counts].filter((count) => count > 0)).toEqual([2, 20]);
    expect([...planes.counts]).toEqual([...rows.counts]);
  });

  it('counts some of many values for all of them, and sees the extremes of all', () => {
    const values = normals(20_000, 1, 4);
    for (let i = 0; i < values.length; i += 5) values[i] = 0;
    values[12_345] = 40;
    const all = histogramOf([values]);
    const some = new WideningHistogram();
    some.add(values, null, { most: 1000, random: createRandom(1) });
    expect(some).toMatchObject({ minimum: all.minimum, maximum: 40, binWidth: all.binWidth });
    expect(some.counts.reduce((sum, count) => sum + count, some.zeros)).toBe(20_000);
    expect(Math.abs(some.zeros - all.zeros)).toBeLessThan(600);
    expect([...some.counts].filter((count) => count > 0).length).toBeLessThan(1000);
    // Of every channel in proportion to its weight.
    const channels = { weights: Float64Array.of(1, 3), inner: 10_000 };
    const weighted = new WideningHistogram();
    weighted.add(values, channels, { most: 1000, random: createRandom(1) });
    expect(weighted.counts.reduce((sum, count) => sum + count, weighted.zeros)).toBe(40_000);
  });

  it('needs no bins for zeros, and few for a constant', () => {
    expect(histogramOf([new Float32Array(5)])).toMatchObject({ minimum: 0, maximum: 0, binWidth: 0, zeros: 5 });
    expect(histogramOf([new Float32Array(5).fill(0.3)]).counts).toEqual(Float64Array.of(5));
  });
});

describe('HistogramObserver', () => {
  it('holds every fourth sample out', () => {
    const observer = new HistogramObserver();
    for (let sample = 0; sample < 8; sample++) observer.observe(float32Tensor([1], [sample < 4 ? 1 : sample]));
    expect(observer.fitted).toMatchObject({ minimum: 1, maximum: 6 });
    expect(observer.held).toMatchObject({ minimum: 1, maximum: 7 });
  });

  it('judges by what it fitted to where there is nothing else', () => {
    const observer = new HistogramObserver();
    observer.observe(float32Tensor([1], [1]));
    expect(observer.held).toBe(observer.fitted);
  });
});
