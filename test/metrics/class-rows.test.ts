// Expected figures are computed by hand from the definitions.
import { describe, expect, it } from 'vitest';
import { isInTop, klDivergence, negativeLogLikelihood, readClassRows } from '../../src/metrics/index.js';
import { float32Tensor, int64Tensor } from '../../src/tensor/index.js';

const one = { count: 1, perExample: 1 };

describe('rows of class scores', () => {
  it('of logits', () => {
    const rows = readClassRows(float32Tensor([2, 3], [1, 3, 2, 0, 0, -1]), { count: 2, perExample: 1 }, false);
    expect([...rows.predicted]).toEqual([1, 0]);
    expect(rows.logSums[0]).toBeCloseTo(Math.log(Math.E + Math.E ** 3 + Math.E ** 2), 6);
    expect(negativeLogLikelihood(rows, 0, 2)).toBeCloseTo(1.4076059, 6);
  });

  it('of probabilities', () => {
    const rows = readClassRows(float32Tensor([1, 3], [0.2, 0.7, 0.1]), one, true);
    expect(negativeLogLikelihood(rows, 0, 0)).toBeCloseTo(-Math.log(0.2), 6);
  });

  it('of a single score, for two classes', () => {
    const logit = readClassRows(float32Tensor([1, 1], [-2]), one, false);
    expect([logit.classes, logit.predicted[0]]).toEqual([2, 0]);
    expect(negativeLogLikelihood(logit, 0, 1)).toBeCloseTo(Math.log(1 + Math.E ** 2), 6);
    const probability = readClassRows(float32Tensor([1], [0.8]), one, true);
    expect(probability.predicted[0]).toBe(1);
    expect(negativeLogLikelihood(probability, 0, 1)).toBeCloseTo(-Math.log(0.8), 6);
  });

  it('with axes of 1 behind the classes', () => {
    expect(readClassRows(float32Tensor([1, 3, 1, 1], [1, 2, 9]), one, false).predicted[0]).toBe(2);
  });

  it('of the first positions and examples only', () => {
    const output = float32Tensor([2, 3, 2], [0, 1, 1, 0, 0, 1, 1, 0, 5, 6, 7, 8]);
    const rows = readClassRows(output, { count: 1, perExample: 2 }, false);
    expect([...rows.predicted]).toEqual([1, 0]);
    expect([...rows.raw]).toEqual([0, 1, 1, 0]);
  });

  it('that are the answers themselves', () => {
    const rows = readClassRows(int64Tensor([2], [4, 1]), { count: 2, perExample: 1 }, false);
    expect([...rows.predicted]).toEqual([4, 1]);
    expect([isInTop(rows, 0, 4, 5), isInTop(rows, 1, 4, 5)]).toEqual([true, false]);
  });

  it('that are too few', () => {
    expect(() =>
      readClassRows(float32Tensor([1, 3, 2], [0, 1, 1, 0, 0, 1]), { count: 1, perExample: 4 }, false),
    ).toThrow(/does not give 4 answers/);
    expect(() => readClassRows(float32Tensor([1, 3, 2], [0, 1, 1, 0, 0, 1]), one, false)).not.toThrow();
  });

  it('that are not finite', () => {
    const rows = readClassRows(float32Tensor([1, 2], [Number.NaN, 1]), one, false);
    expect(rows.logSums[0]).toBeNaN();
    expect(isInTop(rows, 0, 0, 5)).toBe(false);
  });
});

describe('the top k', () => {
  it('are those that fewer than k classes beat', () => {
    const rows = readClassRows(float32Tensor([1, 4], [1, 4, 3, 2]), one, false);
    expect([0, 1, 2, 3].map((target) => isInTop(rows, 0, target, 2))).toEqual([false, true, true, false]);
    expect(isInTop(rows, 0, 17, 2)).toBe(false);
  });
});

describe('the Kullback-Leibler divergence', () => {
  it('of a row', () => {
    const p = readClassRows(float32Tensor([1, 2], [Math.log(0.75), Math.log(0.25)]), one, false);
    const q = readClassRows(float32Tensor([1, 2], [3, 3]), one, false);
    // 0.75 ln 1.5 + 0.25 ln 0.5
    expect(klDivergence(p, q, 0)).toBeCloseTo(0.1308121, 6);
    expect(klDivergence(p, p, 0)).toBeCloseTo(0, 12);
  });

  it('is not a number for rows that are not finite', () => {
    const p = readClassRows(float32Tensor([1, 2], [0, 1]), one, false);
    const q = readClassRows(float32Tensor([1, 2], [Number.NaN, 1]), one, false);
    expect(klDivergence(p, q, 0)).toBeNaN();
  });
});
