// Expected values were made with NumPy 2.4.

import { describe, expect, it } from 'vitest';
import { cosineSimilarity, maxAbsError, meanSquaredError, percentile, signalToNoise } from '../../src/numeric/index.js';

const a = Float32Array.of(1, -2, 3.5);
const b = Float32Array.of(1.25, -2, 3);
const zeros = new Float32Array(3);

describe('statistics', () => {
  it('agrees with NumPy', () => {
    expect(cosineSimilarity(a, b)).toBeCloseTo(0.993729172096339, 12);
    expect(signalToNoise(a, b)).toBeCloseTo(17.41939077729199, 10);
    expect(meanSquaredError(a, b)).toBeCloseTo(0.10416666666666667, 14);
    expect(maxAbsError(a, b)).toBe(0.5);
    const values = Float32Array.of(3, 1, 4, 1, 5, 9, 2, 6);
    const percents = [0, 10, 50, 90, 99.9, 100];
    const expected = [1, 1, 3.5, 6.9, 8.979, 9];
    for (const [i, percent] of percents.entries()) expect(percentile(values, percent)).toBeCloseTo(expected[i], 6);
  });

  it('has a value where a formula divides by zero', () => {
    expect(cosineSimilarity(zeros, zeros)).toBe(1);
    expect(cosineSimilarity(a, zeros)).toBe(0);
    expect(signalToNoise(a, a)).toBe(Infinity);
    expect(signalToNoise(zeros, a)).toBe(-Infinity);
    expect(meanSquaredError(new Float32Array(), new Float32Array())).toBe(0);
  });

  it('takes equal infinities as equal and shows NaN', () => {
    const masked = Float32Array.of(-Infinity, 1);
    const near = Float32Array.of(-Infinity, 1.5);
    expect(maxAbsError(masked, near)).toBe(0.5);
    expect(meanSquaredError(masked, near)).toBe(0.125);
    expect(signalToNoise(masked, near)).toBeCloseTo(6.0206, 4);
    expect(signalToNoise(masked, Float32Array.of(0, 1))).toBe(-Infinity);
    expect(cosineSimilarity(masked, near)).toBeNaN();
    const broken = Float32Array.of(Number.NaN, 1);
    for (const measure of [maxAbsError, meanSquaredError, signalToNoise, cosineSimilarity]) {
      expect(measure(broken, near)).toBeNaN();
      expect(measure(near, broken)).toBeNaN();
    }
    expect(percentile(broken, 50)).toBeNaN();
    expect(percentile(Float32Array.of(1, Infinity, Infinity), 75)).toBe(Infinity);
  });

  it('refuses what has no answer', () => {
    expect(() => maxAbsError(a, new Float32Array(2))).toThrow(RangeError);
    expect(() => percentile(new Float32Array(), 50)).toThrow(RangeError);
    expect(() => percentile(a, 101)).toThrow(RangeError);
  });
});
