// GPTQ against optimal brain surgery as its paper tells it: the inverse of the second moments, updated by elimination after every row.
import { describe, expect, it } from 'vitest';
import { createRandom, invertPositiveDefinite, matrixFrom, solvePositiveDefinite } from '../../../src/numeric/index.js';
import {
  compensateErrors,
  factorMoments,
  type RoundingGrid,
  solveMoments,
} from '../../../src/quantization/rounding/error-compensation.js';

/** Multiples of a quarter. */
const quarters: RoundingGrid = {
  fit() {},
  round(_k, row, decoded) {
    for (let i = 0; i < row.length; i++) decoded[i] = Math.round(row[i] * 4) / 4;
  },
};

function recording(grid: RoundingGrid, k: number, n: number) {
  const result = new Float32Array(k * n);
  const round: RoundingGrid['round'] = (row, values, decoded) => {
    grid.round(row, values, decoded);
    result.set(decoded, row * n);
  };
  return { result, grid: { fit: grid.fit, round } };
}

/** Correlated inputs: every one is a mixture of few. */
function example(k: number, n: number) {
  const random = createRandom(k);
  const samples = 4 * k;
  const mixture = Float64Array.from({ length: k * 6 }, () => random.normal());
  const gram = new Float64Array(k * k);
  for (let s = 0; s < samples; s++) {
    const hidden = Array.from({ length: 6 }, () => random.normal());
    const x = Array.from(
      { length: k },
      (_, i) => 0.2 * random.normal() + hidden.reduce((sum, h, j) => sum + h * mixture[i * 6 + j], 0),
    );
    for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) gram[i * k + j] += x[i] * x[j];
  }
  const weights = Float32Array.from({ length: k * n }, () => random.normal());
  return { gram, weights };
}

/** Σ over columns of dᵀ·H·d. */
function outputError(a: Float32Array, b: Float32Array, gram: Float64Array, k: number, n: number): number {
  let sum = 0;
  for (let column = 0; column < n; column++) {
    const d = Array.from({ length: k }, (_, i) => a[i * n + column] - b[i * n + column]);
    for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) sum += d[i] * gram[i * k + j] * d[j];
  }
  return sum;
}

function byElimination(weights: Float32Array, gram: Float64Array, k: number, n: number, order: readonly number[]) {
  const inverse = invertPositiveDefinite(matrixFrom(k, k, gram))!.data.slice();
  const w = Float64Array.from(weights);
  const result = new Float32Array(k * n);
  for (const row of order) {
    const pivot = inverse[row * k + row];
    for (let column = 0; column < n; column++) {
      const decoded = Math.round(w[row * n + column] * 4) / 4;
      const error = (w[row * n + column] - decoded) / pivot;
      result[row * n + column] = decoded;
      for (let j = 0; j < k; j++) if (j !== row) w[j * n + column] -= error * inverse[row * k + j];
    }
    const own = Array.from({ length: k }, (_, j) => inverse[row * k + j]);
    for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) inverse[i * k + j] -= (own[i] * own[j]) / pivot;
  }
  return result;
}

describe('compensateErrors', () => {
  it.each([false, true])('rounds as elimination does (act-order: %s)', (actOrder) => {
    const [k, n] = [80, 5];
    const { gram, weights } = example(k, n);
    const { result, grid } = recording(quarters, k, n);
    compensateErrors(weights, n, grid, factorMoments(gram, k, { damping: 0, actOrder })!, 16);
    const order = Array.from({ length: k }, (_, row) => row);
    if (actOrder) order.sort((a, b) => gram[b * k + b] - gram[a * k + a]);
    const expected = byElimination(weights, gram, k, n, order);
    // Sums in another order may round a tie, or what follows from it, another way.
    const different = result.filter((value, i) => value !== expected[i]).length;
    expect(different).toBeLessThan(0.02 * result.length);
  });

  it('leaves a fraction of the error of the nearest values', () => {
    const [k, n] = [64, 6];
    const { gram, weights } = example(k, n);
    const { result, grid } = recording(quarters, k, n);
    compensateErrors(weights, n, grid, factorMoments(gram, k, { damping: 0.01, actOrder: false })!, 32);
    const nearest = weights.map((value) => Math.round(value * 4) / 4);
    const [compensated, plain] = [result, nearest].map((values) => outputError(values, weights, gram, k, n));
    expect(compensated).toBeLessThan(0.3 * plain);
  });

  it('lets scales be chosen for rows that earlier errors have reached, and no later ones', () => {
    const [k, n] = [48, 4];
    const { gram, weights } = example(k, n);
    const factor = factorMoments(gram, k, { damping: 0.01, actOrder: false })!;
    const seen: Float32Array[] = [];
    const fit: RoundingGrid['fit'] = (rows, from, to) => seen.push(rows.slice(from * n, to * n));
    compensateErrors(weights, n, { fit, round: quarters.round }, factor, 16);
    expect(seen).toHaveLength(3);
    expect(seen[0]).toEqual(weights.slice(0, 16 * n));
    // What minimizes the error of outputs when the first 16 rows are rounded and the others are free.
    const { result, grid } = recording(quarters, k, n);
    compensateErrors(weights, n, grid, factor, 16);
    const damped = gram.slice();
    const mean = Array.from({ length: k }, (_, i) => gram[i * (k + 1)]).reduce((sum, x) => sum + x, 0) / k;
    for (let i = 0; i < k; i++) damped[i * (k + 1)] += 0.01 * mean;
    const rest = k - 16;
    const free = matrixFrom(
      rest,
      rest,
      Array.from({ length: rest ** 2 }, (_, i) => damped[(16 + Math.floor(i / rest)) * k + 16 + (i % rest)]),
    );
    const right = matrixFrom(
      rest,
      n,
      Array.from({ length: rest * n }, (_, at) => {
        const [row, column] = [16 + Math.floor(at / n), at % n];
        let sum = 0;
        for (let j = 0; j < 16; j++) sum += damped[row * k + j] * (weights[j * n + column] - result[j * n + column]);
        return sum;
      }),
    );
    const change = solvePositiveDefinite(free, right)!;
    for (let i = 0; i < 16 * n; i++) expect(seen[1][i]).toBeCloseTo(weights[16 * n + i] + change.data[i], 3);
  });
});

describe('factorMoments', () => {
  it('refuses moments that are zero or not finite', () => {
    const options = { damping: 0.01, actOrder: false };
    expect(factorMoments(new Float64Array(4), 2, options)).toBeNull();
    expect(factorMoments(new Float64Array(4).fill(NaN), 2, options)).toBeNull();
  });

  it.each([false, true])('solves systems with the moments (act-order: %s)', (actOrder) => {
    const [k, n] = [24, 3];
    const { gram, weights } = example(k, n);
    const x = solveMoments(factorMoments(gram, k, { damping: 0, actOrder })!, weights, n);
    const expected = solvePositiveDefinite(matrixFrom(k, k, gram), matrixFrom(k, n, weights))!;
    for (let i = 0; i < x.length; i++) expect(x[i]).toBeCloseTo(expected.data[i], 4);
  });
});
