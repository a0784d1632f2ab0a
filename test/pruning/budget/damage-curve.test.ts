import { expect, test } from 'vitest';
import { scaledCurve } from '../../../src/pruning/budget/damage-curve.js';

test('meets what was measured, interpolates geometrically, never falls', () => {
  const errors = Float64Array.of(0, 1, 2, 3, 4, 5);
  const curve = scaledCurve(errors, [
    [2, 4],
    [4, 32],
  ]);
  // Factors 2 until the first measurement, 8 from the last on, and 4 in the middle.
  expect([...curve].map((damage) => Number(damage.toFixed(6)))).toEqual([0, 2, 4, 12, 32, 40]);
  expect(
    [
      ...scaledCurve(errors, [
        [1, 8],
        [3, 3],
      ]),
    ].every((damage, at, all) => at === 0 || damage >= all[at - 1]),
  ).toBe(true);
  expect([...scaledCurve(errors, [[2, 0]])]).toEqual([0, 0, 0, 0, 0, 0]);
});
