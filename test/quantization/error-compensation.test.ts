// GPTQ against optimal brain surgery as its paper tells it: the inverse of the second moments, updated by elimination after every row.
import { describe, expect, it } from 'vitest';
import { createRandom, invertPositiveDefinite, matrixFrom } from '../../src/numeric/index.js';
import { inlineWorkers } from '../../src/parallel/index.js';
import { compensateErrors, type RoundingGrid } from '../../src/quantization/error-compensation.js';
import { packCompensated } from '../../src/quantization/pack-compensated.js';
import { packedInt4Tensor } from '../../src/quantization/pack-weight.js';
import { float32Tensor, transposeTensor } from '../../src/tensor/index.js';

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
    expect(compensateErrors(weights.slice(), gram, [k, n], grid, { blockSize: 16, damping: 0, actOrder })).toBe(true);
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
    compensateErrors(weights.slice(), gram, [k, n], grid, { blockSize: 32, damping: 0.01, actOrder: false });
    const nearest = weights.map((value) => Math.round(value * 4) / 4);
    const [compensated, plain] = [result, nearest].map((values) => outputError(values, weights, gram, k, n));
    expect(compensated).toBeLessThan(0.3 * plain);
  });

  it('refuses moments that are zero or not finite', () => {
    const options = { blockSize: 2, damping: 0.01, actOrder: false };
    expect(compensateErrors(new Float32Array(4), new Float64Array(4), [2, 2], quarters, options)).toBe(false);
    expect(compensateErrors(new Float32Array(4), new Float64Array(4).fill(NaN), [2, 2], quarters, options)).toBe(false);
  });
});

describe('packCompensated', () => {
  it('gives a matrix and its transpose the same integers, in the order of each', async () => {
    const [k, n] = [48, 10];
    const { gram, weights } = example(k, n);
    const weight = float32Tensor([k, n], weights);
    const turned = float32Tensor([n, k], transposeTensor(weight, [1, 0]).readFloat32());
    const columns = { outer: 1, k, inner: n, blockSize: 16 };
    const rows = { outer: n, k, inner: 1, blockSize: 16 };
    const scheme = { bits: 4, damping: 0.01, actOrder: false } as const;
    const a = await packCompensated(weight, columns, gram, scheme, inlineWorkers);
    const b = await packCompensated(turned, rows, gram, scheme, inlineWorkers);
    if (typeof a === 'string' || typeof b === 'string') throw new TypeError(`${a} ${b}`);
    const nibbles = (bytes: Uint8Array) => [...bytes].flatMap((byte) => [byte & 15, byte >> 4]);
    const [fromColumns, fromRows] = [
      nibbles(packedInt4Tensor(weight, columns, a).bytes()),
      nibbles(packedInt4Tensor(turned, rows, b).bytes()),
    ];
    for (let i = 0; i < k; i++) for (let j = 0; j < n; j++) expect(fromRows[j * k + i]).toBe(fromColumns[i * n + j]);
    const multipliers = [nibbles(a.multipliers), nibbles(b.multipliers)];
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < n; j++) expect(multipliers[1][j * 3 + i]).toBe(multipliers[0][i * n + j]);
  });
});
