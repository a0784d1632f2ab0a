import { expect, test } from 'vitest';
import { createRandom, expOfNegative, sumOfExponentials } from '../../src/numeric/index.js';

test('exp of what is not above 0, to eleven digits', () => {
  const random = createRandom(1);
  const xs = [
    0,
    -0,
    -1e-300,
    -1e-12,
    -Math.LN2,
    -Math.LN2 / 2048,
    -1,
    -708.9,
    ...Array.from({ length: 20_000 }, () => -random.next() * 700),
  ];
  for (const x of xs) expect(Math.abs(expOfNegative(x) / Math.exp(x) - 1)).toBeLessThan(1e-11);
});

test('what is too small is 0, and what is no number stays none', () => {
  expect(expOfNegative(-710)).toBe(0);
  expect(expOfNegative(Number.NEGATIVE_INFINITY)).toBe(0);
  expect(expOfNegative(Number.NaN)).toBeNaN();
});

test('sums over a part of an array', () => {
  const values = Float32Array.of(9, 1, 2, 3, 9);
  expect(sumOfExponentials(values, 1, 4, 3)).toBeCloseTo(1 + Math.exp(-1) + Math.exp(-2), 10);
  const infinite = Float32Array.of(Number.POSITIVE_INFINITY, 1);
  expect(sumOfExponentials(infinite, 0, 2, Number.POSITIVE_INFINITY)).toBeNaN();
  expect(sumOfExponentials(Float32Array.of(Number.NaN, 1), 0, 2, 1)).toBeNaN();
});
