import { expect, test } from 'vitest';
import { finiteRange, histogram } from '../../src/numeric/index.js';

test('bins are of equal width, and the highest value is in the last', () => {
  expect(histogram([0, 0.5, 1, 1.5, 2, 3, 4], 4)).toEqual({ low: 0, high: 4, counts: [2, 2, 1, 2] });
});

test('what lies outside of a given range counts at its ends; what is not finite counts nowhere', () => {
  const values = Float32Array.of(-5, 0.1, 9, Number.NaN, Number.POSITIVE_INFINITY);
  expect(histogram(values, 2, [0, 1]).counts).toEqual([2, 1]);
});

test('one value, and none', () => {
  expect(histogram([3, 3], 3)).toEqual({ low: 3, high: 3, counts: [2, 0, 0] });
  expect(finiteRange([Number.NaN])).toEqual([0, 0]);
  expect(histogram([], 2)).toEqual({ low: 0, high: 0, counts: [0, 0] });
});
