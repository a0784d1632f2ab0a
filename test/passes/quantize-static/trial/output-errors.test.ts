import { expect, it } from 'vitest';
import { OutputErrors } from '../../../../passes/quantize-static/trial/output-errors.js';
import { float32Tensor, int64Tensor } from '../../../../src/tensor/index.js';

const vector = (...values: number[]) => float32Tensor([values.length], values);

it('is squared error by variance over all samples, of the output that moved most', () => {
  const errors = new OutputErrors();
  errors.add({ a: vector(1, 3), b: vector(10, 10) }, { a: vector(1, 3), b: vector(10, 11) });
  errors.add({ a: vector(5, 7), b: vector(12, 12) }, { a: vector(5, 8), b: vector(12, 12) });
  // a: mean 4, variance 9 + 1 + 1 + 9; b: mean 11, variance 4.
  expect(errors.worst).toBeCloseTo(1 / 4, 12);
  // Sample by sample, as if all were like it: 2 · 1 / 4 and 2 · 1 / 20.
  expect(errors.typical).toBeCloseTo(Math.sqrt((1 / 2) * (1 / 10)), 12);
});

it('is typical of most samples, but not of one that says nothing', () => {
  const errors = new OutputErrors();
  for (const error of [0.1, 0.1, 0.1]) errors.add({ a: vector(-1, 1) }, { a: vector(-1, 1 + error) });
  const before = errors.typical;
  errors.add({ a: vector(0, 0) }, { a: vector(0, 1e-30) });
  // Three errors of .01 and one of a hundredth of their mean, by a variance of 6, as if four samples were like it.
  expect(before).toBeCloseTo((3 * 0.01) / 6, 7);
  expect(errors.typical).toBeCloseTo((4 * (0.01 ** 3 * 0.01 * 0.0075) ** (1 / 4)) / 6, 7);
});

it('leaves out what is constant, not finite, no float or of another shape', () => {
  const errors = new OutputErrors();
  errors.add(
    {
      same: vector(2, 2),
      wild: vector(Number.NEGATIVE_INFINITY, 1, -1),
      index: int64Tensor([2], [1, 2]),
      cut: vector(1, 2),
    },
    { same: vector(2, 3), wild: vector(0, 1, -1), index: int64Tensor([2], [2, 1]), cut: vector(1) },
  );
  expect(errors.worst).toBe(0);
});

it('is infinite where an output is no number any more', () => {
  const errors = new OutputErrors();
  errors.add({ a: vector(1, 2) }, { a: vector(1, Number.NaN) });
  expect(errors.worst).toBe(Number.POSITIVE_INFINITY);
});
