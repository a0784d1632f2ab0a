// Expected figures are computed from the definitions in Python, binomial tails in exact fractions.
import { describe, expect, it } from 'vitest';
import {
  mcNemarTest,
  pairedDifferenceInterval,
  percentileInterval,
  wilsonInterval,
} from '../../src/metrics/interval.js';

describe("Wilson's interval", () => {
  it.each([
    [8, 10, 0.4901625, 0.9433178],
    [0, 10, 0, 0.2775328],
    [10, 10, 0.7224672, 1],
    [2650, 3000, 0.8713526, 0.8943337],
  ])('of %i of %i', (successes, count, low, high) => {
    const interval = wilsonInterval(successes, count);
    expect(interval.low).toBeCloseTo(low, 6);
    expect(interval.high).toBeCloseTo(high, 6);
  });
});

describe('a paired difference', () => {
  it('has the adjusted interval of Bonett and Price', () => {
    // n + 2 = 102, p = 11/102 and 6/102: 5/102 ± 1.959964 √((17/102 − (5/102)²) / 102)
    const { low, high } = pairedDifferenceInterval(10, 5, 100);
    expect(low).toBeCloseTo(-0.0296345, 6);
    expect(high).toBeCloseTo(0.1276737, 6);
  });

  it('is not certain where nothing differs', () => {
    const { low, high } = pairedDifferenceInterval(0, 0, 100);
    expect(high).toBeGreaterThan(0.02);
    expect(low).toBeCloseTo(-high, 12);
  });

  it.each([
    [10, 16, 0.3269396],
    [0, 6, 0.03125],
    [6, 0, 0.03125],
    [3, 3, 1],
    [0, 0, 1],
    [1500, 1700, 0.0004333],
  ])('of %i gained and %i lost is as probable as McNemar says', (gained, lost, expected) => {
    expect(mcNemarTest(gained, lost)).toBeCloseTo(expected, 6);
  });
});

describe('the middle 95 %', () => {
  it('is linear between neighbours', () => {
    const { low, high } = percentileInterval(Float64Array.from({ length: 101 }, (_, i) => 100 - i));
    expect([low, high]).toEqual([2.5, 97.5]);
  });

  it('is not a number where one value is not', () => {
    expect(percentileInterval(Float64Array.of(1, Number.NaN, 2)).low).toBeNaN();
  });
});
