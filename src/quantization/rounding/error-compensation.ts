// Rounding row by row, with the error of each row made up for by the rows that are still to come, as far as their inputs are correlated:
// GPTQ (Frantar et al., 2022), computed as Babai's nearest plane, which it equals (Chen et al., 2025): L of G = L·Lᵀ says how much of each
// error a later row takes over, and no inverse of G is needed. The grid to round to is the caller's.
import { dampedCholesky, matrixFrom } from '../../numeric/index.js';

/** What rows are rounded to. Rows are those of weights [K, N]: one per element of the summed axis. */
export interface RoundingGrid {
  /** Chooses scales for rows [from, to), which hold what is to be rounded as far as it is known now. */
  fit(weights: Float32Array, from: number, to: number): void;
  /** Rounds row `k`, `row`, and writes what it decodes to into `decoded`. */
  round(k: number, row: Float32Array, decoded: Float32Array): void;
}

/** The second moments of inputs, ready for compensation. */
export interface CompensationFactor {
  readonly k: number;
  /** Rows in the order in which they are rounded; what follows is in that order. */
  readonly order: Int32Array;
  readonly inOrder: boolean;
  /** Shares [k, k], strictly lower triangular: what row i takes over of the error of row j < i. */
  readonly shares: Float64Array;
  /** What a squared error of each row costs, when the rows behind it make up for it. */
  readonly variances: Float64Array;
}

export interface FactorOptions {
  /** Share of the mean of the diagonal that is added to it. */
  readonly damping: number;
  /** Rows that the largest inputs meet come first; otherwise in order. */
  readonly actOrder: boolean;
}

/** Null where the moments cannot be factored: no positive diagonal, or not finite. @param gram Σxxᵀ [k, k] of the inputs. */
export function factorMoments(
  gram: Float64Array,
  k: number,
  { damping, actOrder }: FactorOptions,
): CompensationFactor | null {
  const order = Int32Array.from({ length: k }, (_, row) => row);
  if (actOrder) order.sort((a, b) => gram[b * k + b] - gram[a * k + a] || a - b);
  // The row that is rounded first comes last in the factor.
  const reversed = new Float64Array(k * k);
  for (let i = 0; i < k; i++) {
    const from = order[k - 1 - i] * k;
    for (let j = 0; j < k; j++) reversed[i * k + j] = gram[from + order[k - 1 - j]];
  }
  const lower = dampedCholesky(matrixFrom(k, k, reversed), damping)?.factor.data;
  if (!lower) return null;
  // Turned back: row i of the shares is column k − 1 − i of L over its diagonal element, backwards.
  const variances = Float64Array.from({ length: k }, (_, i) => lower[(k - 1 - i) * (k + 1)] ** 2);
  const shares = reversed.fill(0);
  for (let j = 0; j < k; j++) {
    const row = (k - 1 - j) * k;
    for (let i = j + 1; i < k; i++) shares[i * k + j] = lower[row + k - 1 - i] / Math.sqrt(variances[i]);
  }
  return { k, order, inOrder: order.every((row, index) => row === index), shares, variances };
}

/** Rows whose errors are handed on together, at least. */
const leastBatch = 32;

/**
 * Rounds `weights` [k, n] to `grid`.
 * @param blockSize rows that share scales; they are chosen for what compensation made of the rows or, where rows of a block do not follow one
 * another in the order of rounding, before.
 */
export function compensateErrors(
  weights: Float32Array,
  n: number,
  grid: RoundingGrid,
  { k, order, inOrder, shares }: CompensationFactor,
  blockSize: number,
): void {
  if (!inOrder) for (let from = 0; from < k; from += blockSize) grid.fit(weights, from, Math.min(from + blockSize, k));
  const wanted = weights.slice();
  // Whole blocks, so that scales are chosen for rows that all errors so far have reached.
  const batch = inOrder ? blockSize * Math.ceil(leastBatch / blockSize) : leastBatch;
  const decoded = new Float32Array(n);
  /** Of all rows so far, in their order. */
  const errors = new Float32Array(k * n);
  const changes = new Float32Array(Math.min(batch, k) * n);
  const error = new Float32Array(n);
  for (let start = 0; start < k; start += batch) {
    const end = Math.min(start + batch, k);
    const inverse = unitInverse(shares, k, start, end - start);
    changes.fill(0);
    for (let i = start; i < end; i++) addProducts(changes, (i - start) * n, errors, n, shares, i * k, start);
    // Forward substitution: what the rows of the batch should be as long as none of them is rounded.
    for (let i = end - 1; i >= start; i--) {
      const row = (i - start) * n;
      for (let j = start; j < i; j++)
        addScaled(changes, row, changes, (j - start) * n, n, inverse[(i - start) * (end - start) + j - start]);
      addScaled(wanted, order[i] * n, changes, row, n, 1);
    }
    for (let i = start; i < end; i++) {
      const row = order[i];
      if (inOrder && row % blockSize === 0) grid.fit(wanted, row, Math.min(row + blockSize, k));
      const values = wanted.subarray(row * n, (row + 1) * n);
      grid.round(row, values, decoded);
      for (let column = 0; column < n; column++) {
        errors[i * n + column] = weights[row * n + column] - decoded[column];
        error[column] = values[column] - decoded[column];
      }
      for (let j = i + 1; j < end; j++) {
        addScaled(wanted, order[j] * n, error, 0, n, -inverse[(j - start) * (end - start) + i - start]);
      }
    }
  }
}

/** X [k, n] with G·X = B for the damped moments G and `b` [k, n]. */
export function solveMoments(
  { k, order, shares, variances }: CompensationFactor,
  b: Float32Array,
  n: number,
): Float32Array {
  // In the order of rounding G = (I + S)ᵀ·D·(I + S), with the shares S and D of the variances.
  const x = new Float32Array(k * n);
  for (let i = 0; i < k; i++) x.set(b.subarray(order[i] * n, (order[i] + 1) * n), i * n);
  for (let i = k - 1; i > 0; i--) for (let j = 0; j < i; j++) addScaled(x, j * n, x, i * n, n, -shares[i * k + j]);
  const row = new Float32Array(n);
  for (let i = 0; i < k; i++) {
    row.fill(0);
    addProducts(row, 0, x, n, shares, i * k, i);
    for (let column = 0; column < n; column++) x[i * n + column] = x[i * n + column] / variances[i] - row[column];
  }
  const result = new Float32Array(k * n);
  for (let i = 0; i < k; i++) result.set(x.subarray(i * n, (i + 1) * n), order[i] * n);
  return result;
}

/** (I + S)⁻¹ [count, count] of the shares S of the rows [start, start + count) among each other: unit lower triangular. */
export function unitInverse(shares: Float64Array, k: number, start: number, count: number): Float64Array {
  const inverse = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    inverse[i * count + i] = 1;
    for (let j = 0; j < i; j++) {
      const share = shares[(start + i) * k + start + j];
      for (let p = 0; p <= j; p++) inverse[i * count + p] -= share * inverse[j * count + p];
    }
  }
  return inverse;
}

function addScaled(
  target: Float32Array,
  offset: number,
  source: Float32Array,
  from: number,
  n: number,
  factor: number,
): void {
  for (let i = 0; i < n; i++) target[offset + i] += source[from + i] * factor;
}

/** Adds the first `count` rows of `errors`, each times its factor: four at a time, so that the target is read and written less often. */
function addProducts(
  target: Float32Array,
  offset: number,
  errors: Float32Array,
  n: number,
  factors: Float64Array,
  first: number,
  count: number,
): void {
  let e = 0;
  for (; e + 3 < count; e += 4) {
    const a = factors[first + e];
    const b = factors[first + e + 1];
    const c = factors[first + e + 2];
    const d = factors[first + e + 3];
    const p = e * n;
    const q = p + n;
    const r = q + n;
    const s = r + n;
    for (let i = 0; i < n; i++) {
      target[offset + i] += errors[p + i] * a + errors[q + i] * b + errors[r + i] * c + errors[s + i] * d;
    }
  }
  for (; e < count; e++) addScaled(target, offset, errors, e * n, n, factors[first + e]);
}
