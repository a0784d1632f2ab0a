// Scales that rule saturation out: proved by the exhaustive check of overflow.ts on what they quantize to, and compared with the
// least scales found by trying all zero points.
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/numeric/index.js';
import {
  canSaturate,
  computeParameters,
  computeSaturationFreeParameters,
  createPairRanges,
  createRanges,
  layoutOf,
  type QuantizationLayout,
  quantizeLinear,
  scanPairRange,
  scanRange,
  unitePairRanges,
} from '../../../src/quantization/index.js';

const k = 37;
const n = 24;
const columnLayout = layoutOf([k, n], { kind: 'channel', axis: 1 });
const rowLayout = layoutOf([n, k], { kind: 'channel', axis: 0 });

/** Columns of several kinds: normal, all positive, one outlier, tiny, all zero. */
function drawWeights(seed: number): Float32Array {
  const random = createRandom(seed);
  const weights = Float32Array.from({ length: k * n }, () => random.normal() * 0.05);
  for (let row = 0; row < k; row++) {
    weights[row * n + 1] = Math.abs(weights[row * n + 1]);
    weights[row * n + 2] = row === 5 ? 4 : weights[row * n + 2];
    weights[row * n + 3] *= 1e-30;
    weights[row * n + 4] = 0;
    weights[row * n + 5] = -0.2 - Math.abs(weights[row * n + 5]);
  }
  return weights;
}

function transpose(values: Float32Array): Float32Array {
  return Float32Array.from(values, (_, i) => values[(i % k) * n + Math.floor(i / k)]);
}

function pairRangesOf(weights: Float32Array, layout: QuantizationLayout) {
  const ranges = createPairRanges(layout);
  scanPairRange(weights, 0, layout, ranges);
  return ranges;
}

describe('pair ranges', () => {
  it('are those of the definition, in both layouts and in pieces', () => {
    const weights = drawWeights(1);
    const expected = createPairRanges(columnLayout);
    for (let row = 0; row < k; row += 2) {
      for (let p = 0; p < n; p++) {
        const a = weights[row * n + p];
        const b = row + 1 < k ? weights[(row + 1) * n + p] : 0;
        expected.minimum[p] = Math.min(expected.minimum[p], a, b);
        expected.maximum[p] = Math.max(expected.maximum[p], a, b);
        expected.minimumSum[p] = Math.min(expected.minimumSum[p], a + b);
        expected.maximumSum[p] = Math.max(expected.maximumSum[p], a + b);
      }
    }
    expect(pairRangesOf(weights, columnLayout)).toEqual(expected);
    expect(pairRangesOf(transpose(weights), rowLayout)).toEqual(expected);
    const pieces = createPairRanges(columnLayout);
    for (let first = 0; first < weights.length; first += 4 * n) {
      scanPairRange(weights.subarray(first, first + 4 * n), first, columnLayout, pieces);
    }
    expect(pieces).toEqual(expected);
  });

  it('count what is not finite, wherever it stands', () => {
    const weights = drawWeights(2);
    weights[3 * n + 7] = Number.NaN;
    weights[8 * n + 7] = Number.NEGATIVE_INFINITY;
    const ranges = pairRangesOf(weights, columnLayout);
    expect(ranges.nonFiniteCount).toBe(2);
    expect(ranges.firstNonFinite).toBe(3 * n + 7);
    expect(ranges.minimum.every(Number.isFinite)).toBe(true);
  });
});

describe('saturation-free parameters', () => {
  it.each([true, false])('never let a pair saturate (symmetric: %s)', (symmetric) => {
    for (let seed = 0; seed < 20; seed++) {
      const weights = drawWeights(seed);
      const parameters = computeSaturationFreeParameters(pairRangesOf(weights, columnLayout), symmetric);
      const quantized = quantizeLinear(weights, columnLayout, parameters) as Int8Array;
      expect(canSaturate(quantized, { k, n })).toBe(false);
      const plain = computeParameters(scan(weights), { dataType: 'int8', symmetric, granularity: { kind: 'tensor' } });
      expect(canSaturate(quantizeLinear(weights, columnLayout, plain) as Int8Array, { k, n })).toBe(true);
      // Zero, which padding relies on, is represented exactly.
      for (let row = 0; row < k; row++) expect(quantized[row * n + 4]).toBe(parameters.zeroPoint[4]);
    }
  });

  it('have one scale for all where that is asked', () => {
    const weights = drawWeights(3);
    const whole = layoutOf([k * n], { kind: 'tensor' });
    const parameters = computeSaturationFreeParameters(unitePairRanges(pairRangesOf(weights, columnLayout)), true);
    expect(parameters.scale.length).toBe(1);
    const quantized = quantizeLinear(weights, whole, parameters) as Int8Array;
    expect(canSaturate(quantized, { k, n })).toBe(false);
  });

  it('are the least that any zero point allows', () => {
    const ranges = pairRangesOf(drawWeights(4), columnLayout);
    const { scale, zeroPoint } = computeSaturationFreeParameters(ranges, false);
    for (let p = 0; p < n; p++) {
      let least = Number.POSITIVE_INFINITY;
      for (let zero = -128; zero <= 127; zero++) least = Math.min(least, leastScale(ranges, p, zero));
      if (least < 2 ** -126) continue;
      expect(Math.abs(scale[p] / least - 1), `column ${p}, zero point ${zeroPoint[p]}`).toBeLessThan(1e-6);
    }
  });

  it('cost less than a bit: normal weights lose a fifth of their resolution', () => {
    const random = createRandom(5);
    const weights = Float32Array.from({ length: 384 * 64 }, () => random.normal());
    const layout = layoutOf([384, 64], { kind: 'channel', axis: 1 });
    const ranges = createPairRanges(layout);
    scanPairRange(weights, 0, layout, ranges);
    const plain = computeParameters(ranges, { dataType: 'int8', symmetric: true, granularity: { kind: 'tensor' } });
    const ratioOf = ({ scale }: { scale: Float32Array }): number =>
      scale.reduce((sum, value, p) => sum + value / plain.scale[p], 0) / scale.length;
    expect(ratioOf(computeSaturationFreeParameters(ranges, false))).toBeLessThan(1.25);
    expect(ratioOf(computeSaturationFreeParameters(ranges, true))).toBeLessThan(1.4);
  });
});

function scan(weights: Float32Array) {
  const ranges = createRanges(columnLayout);
  scanRange(weights, 0, columnLayout, ranges);
  return ranges;
}

/** By bisection on the definition: all weights within [-128, 127], and pair sums that stay within ±128 however they are rounded. */
function leastScale(ranges: ReturnType<typeof pairRangesOf>, p: number, zero: number): number {
  const low = Math.min(ranges.minimum[p], 0);
  const high = Math.max(ranges.maximum[p], 0);
  const lowSum = Math.min(ranges.minimumSum[p], 0);
  const highSum = Math.max(ranges.maximumSum[p], 0);
  const fits = (scale: number): boolean =>
    high / scale + zero <= 127 &&
    low / scale + zero >= -128 &&
    // Zero is exact, everything else may be rounded by a half.
    (highSum === 0 ? 2 * zero <= 128 : highSum / scale + 2 * zero <= 127) &&
    (lowSum === 0 ? 2 * zero >= -128 : lowSum / scale + 2 * zero >= -127);
  let bad = 0;
  let good = 1e6;
  if (!fits(good)) return Number.POSITIVE_INFINITY;
  for (let step = 0; step < 200; step++) {
    const middle = bad === 0 ? good / 16 : (bad + good) / 2;
    if (fits(middle)) good = middle;
    else bad = middle;
    if (good < 1e-38) return 0;
  }
  return good;
}
