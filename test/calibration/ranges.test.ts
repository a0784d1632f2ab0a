import { describe, expect, it } from 'vitest';
import { chooseRange, type RangeMethod, WideningHistogram } from '../../src/calibration/index.js';
import { createRandom } from '../../src/numeric/index.js';
import type { QuantizationScheme } from '../../src/quantization/index.js';

const unsigned: QuantizationScheme = { dataType: 'uint8', symmetric: false, granularity: { kind: 'tensor' } };
const signed: QuantizationScheme = { dataType: 'int8', symmetric: true, granularity: { kind: 'tensor' } };

function seen(values: Float32Array) {
  const fitted = new WideningHistogram();
  fitted.add(values);
  return { fitted, held: fitted };
}

function choose(values: Float32Array, method: RangeMethod | 'auto', scheme = unsigned) {
  const choice = chooseRange(seen(values), { method, scheme, percent: 99, gain: null });
  if (!choice) throw new Error('no range');
  return choice;
}

/** Mean squared error of rounding to 16 levels over [low, high], straight from its definition. */
function roundingError(values: Float32Array, low: number, high: number): number {
  const scale = (high - low) / 15;
  const zero = Math.round(-low / scale);
  let sum = 0;
  for (const value of values) {
    const level = Math.min(Math.max(Math.round(value / scale) + zero, 0), 15);
    sum += (value - (level - zero) * scale) ** 2;
  }
  return sum / values.length;
}

const fourBits: QuantizationScheme = { ...unsigned, dataType: 'uint4' };
const random = createRandom(7);
/** Normal numbers with a few outliers on the upper side. */
const skewed = Float32Array.from({ length: 4000 }, (_, i) => (i % 2000 === 0 ? 9 : random.normal()));

describe('chooseRange', () => {
  it('takes the extremes, and zero with them', () => {
    expect(choose(Float32Array.of(2, 3), 'minmax').range).toEqual({ low: 0, high: 3 });
    expect(choose(Float32Array.of(-2, -3), 'minmax').range).toEqual({ low: -3, high: 0 });
  });

  it('cuts percentiles off on both sides, or on the only one there is', () => {
    const values = Float32Array.from({ length: 2001 }, (_, i) => (i - 1000) / 1000);
    const { low, high } = choose(values, 'percentile').range;
    expect(low).toBeCloseTo(-0.99, 2);
    expect(high).toBeCloseTo(0.99, 2);
    const positive = choose(Float32Array.from(values, Math.abs), 'percentile').range;
    expect(positive.low).toBe(0);
    expect(positive.high).toBeCloseTo(0.99, 2);
  });

  it('finds about the range of the least error that an exhaustive search finds', () => {
    const { low, high } = choose(skewed, 'mse', fourBits).range;
    let least = Number.POSITIVE_INFINITY;
    for (let l = 1; l <= 4; l += 0.1) {
      for (let h = 1; h <= 9; h += 0.2) least = Math.min(least, roundingError(skewed, -l, h));
    }
    expect(roundingError(skewed, low, high)).toBeLessThan(1.03 * least);
    expect(least).toBeLessThan(0.7 * roundingError(skewed, -4, 9));
  });

  it('centres symmetric ranges: one end decides', () => {
    const { range, heldOutError } = choose(skewed, 'mse', signed);
    expect(Math.max(-range.low, range.high)).toBeLessThanOrEqual(9);
    expect(heldOutError).toBeLessThanOrEqual(choose(skewed, 'minmax', signed).heldOutError);
  });

  it('gives up rare outliers for resolution where information counts', () => {
    const normal = Float32Array.from({ length: 100000 }, (_, i) => (i === 0 ? 60 : random.normal()));
    const { low, high } = choose(normal, 'entropy').range;
    expect(high).toBeLessThan(30);
    expect(low).toBeGreaterThan(-5);
  });

  it('takes by itself what does best on values that were held out', () => {
    const { fitted } = seen(skewed);
    const held = new WideningHistogram();
    // What was rare is common here: only the widest range holds it.
    held.add(Float32Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? 9 : random.normal())));
    const options = { method: 'auto', scheme: fourBits, percent: 99, gain: null } as const;
    const { range } = chooseRange({ fitted, held }, options)!;
    expect(range.high).toBe(9);
    expect(chooseRange({ fitted, held: fitted }, options)!.range.high).toBeLessThan(8);
  });

  it('counts an error before an activation as what is left of it behind', () => {
    const values = Float32Array.from({ length: 4000 }, () => random.normal());
    const gain = (x: number): number => (x < 0 ? 0.0001 : 1);
    const plain = choose(values, 'mse').range;
    const { range } = chooseRange(seen(values), { method: 'mse', scheme: unsigned, percent: 99, gain })!;
    expect(range.low).toBeGreaterThan(plain.low * 0.75);
  });

  it('has no range where nothing finite was seen', () => {
    const nothing = seen(Float32Array.of(Number.NaN));
    expect(chooseRange(nothing, { method: 'mse', scheme: unsigned, percent: 99, gain: null })).toBeNull();
  });
});
