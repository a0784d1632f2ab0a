// Rounding row by row, with the error of each row made up for by the rows that are still to come, as far as their inputs are correlated:
// GPTQ (Frantar et al., 2022), of which this is the Cholesky form. The grid to round to is the caller's.
import { dampedCholesky, invertLower, type Matrix, matrixFrom } from '../numeric/index.js';

/** What rows are rounded to. Rows are those of weights [K, N]: one per element of the summed axis. */
export interface RoundingGrid {
  /** Chooses scales for rows [from, to), which hold what is to be rounded as far as it is known now. */
  fit(weights: Float32Array, from: number, to: number): void;
  /** Rounds row `k`, `row`, and writes what it decodes to into `decoded`. */
  round(k: number, row: Float32Array, decoded: Float32Array): void;
}

export interface CompensationOptions {
  /** Rows that share scales. */
  readonly blockSize: number;
  /** Share of the mean of the diagonal that is added to it. */
  readonly damping: number;
  /** Largest inputs first, with scales chosen before; otherwise in order, with scales chosen for what compensation made of the rows. */
  readonly actOrder: boolean;
}

/** Rows whose errors are handed on together, at least. */
const leastBatch = 32;

/**
 * Rounds `weights` [k, n], which are replaced by what they would be without rounding, to `grid`.
 * @param gram Σxxᵀ [k, k] of the inputs.
 * @returns false where the Gram matrix cannot be factored, and nothing was done.
 */
export function compensateErrors(
  weights: Float32Array,
  gram: Float64Array,
  [k, n]: readonly [number, number],
  grid: RoundingGrid,
  { blockSize, damping, actOrder }: CompensationOptions,
): boolean {
  const order = rowOrder(gram, k, actOrder);
  const factor = inverseFactor(gram, k, order, damping);
  if (factor === null) return false;
  if (actOrder) for (let from = 0; from < k; from += blockSize) grid.fit(weights, from, Math.min(from + blockSize, k));
  // Whole blocks, so that scales are chosen for rows that all errors so far have reached.
  const batch = blockSize * Math.ceil(leastBatch / blockSize);
  const decoded = new Float32Array(n);
  const errors = new Float32Array(batch * n);
  for (let start = 0; start < k; start += batch) {
    const end = Math.min(start + batch, k);
    for (let i = start; i < end; i++) {
      const row = order[i];
      if (!actOrder && row % blockSize === 0) grid.fit(weights, row, Math.min(row + blockSize, k));
      const values = weights.subarray(row * n, (row + 1) * n);
      grid.round(row, values, decoded);
      const pivot = 1 / factor.data[i * k + i];
      const error = errors.subarray((i - start) * n, (i - start + 1) * n);
      for (let column = 0; column < n; column++) error[column] = (values[column] - decoded[column]) * pivot;
      for (let j = i + 1; j < end; j++) {
        subtractScaled(weights, order[j] * n, error, factor.data[i * k + j]);
      }
    }
    for (let j = end; j < k; j++) handOn(weights, order[j] * n, errors, n, factor.data, start * k + j, k, end - start);
  }
  return true;
}

function rowOrder(gram: Float64Array, k: number, actOrder: boolean): Int32Array {
  const order = Int32Array.from({ length: k }, (_, row) => row);
  return actOrder ? order.sort((a, b) => gram[b * k + b] - gram[a * k + a] || a - b) : order;
}

/** U, upper triangular, with UᵀU the inverse of the damped Gram matrix in `order`. */
function inverseFactor(gram: Float64Array, k: number, order: Int32Array, damping: number): Matrix | null {
  // In reversed order: from M·Mᵀ of the reversed matrix, U is the inverse of M reversed back.
  const reversed = new Float64Array(k * k);
  for (let i = 0; i < k; i++) {
    for (let j = 0; j < k; j++) reversed[i * k + j] = gram[order[k - 1 - i] * k + order[k - 1 - j]];
  }
  const factored = dampedCholesky(matrixFrom(k, k, reversed), damping);
  if (factored === null) return null;
  const inverse = invertLower(factored.factor);
  const upper = inverse.data.slice().reverse();
  return matrixFrom(k, k, upper);
}

function subtractScaled(target: Float32Array, offset: number, source: Float32Array, factor: number): void {
  for (let i = 0; i < source.length; i++) target[offset + i] -= source[i] * factor;
}

/** Subtracts `count` errors, each times its factor, from a row: four at a time, so that the row is read and written less often. */
function handOn(
  target: Float32Array,
  offset: number,
  errors: Float32Array,
  n: number,
  factors: Float64Array,
  first: number,
  stride: number,
  count: number,
): void {
  let e = 0;
  for (; e + 3 < count; e += 4) {
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => factors[first + (e + i) * stride]);
    const [p, q, r, s] = [e * n, (e + 1) * n, (e + 2) * n, (e + 3) * n];
    for (let i = 0; i < n; i++) {
      target[offset + i] -= errors[p + i] * a + errors[q + i] * b + errors[r + i] * c + errors[s + i] * d;
    }
  }
  for (; e < count; e++)
    subtractScaled(target, offset, errors.subarray(e * n, (e + 1) * n), factors[first + e * stride]);
}
