// Ridge regression from second moments: the W and b with which Wᵀx + b is closest to targets t, pulled towards the W there is.
import type { SecondMoments } from '../calibration/index.js';
import { addToDiagonal, createMatrix, dampedCholesky, meanDiagonal, solveWithCholesky } from '../numeric/index.js';

export interface Regression {
  /** [columns, targetColumns], row-major. */
  readonly weights: Float64Array;
  /** One a target; zeros without intercept. */
  readonly bias: Float64Array;
}

/**
 * argmin |T − XW − b|²/n + λ|W − W₀|² with λ = `ridge` times the mean square of a centred column. `intercept` false: b = 0, nothing is centred.
 * Null where the moments say nothing (zeros, or not finite).
 */
export function regress(
  { columns, targetColumns, count, gram, cross, sum, targetSum }: SecondMoments,
  start: Float64Array,
  { ridge, intercept }: { readonly ridge: number; readonly intercept: boolean },
): Regression | null {
  const covariance = createMatrix(columns, columns);
  const right = createMatrix(columns, targetColumns);
  for (let i = 0; i < columns; i++) {
    const mean = intercept ? sum[i] / count : 0;
    for (let j = 0; j < columns; j++) {
      covariance.data[i * columns + j] = (gram[i * columns + j] - mean * sum[j]) / count;
    }
    for (let j = 0; j < targetColumns; j++) {
      right.data[i * targetColumns + j] = (cross[i * targetColumns + j] - mean * targetSum[j]) / count;
    }
  }
  const pull = ridge * meanDiagonal(covariance);
  addToDiagonal(covariance, pull);
  for (let index = 0; index < right.data.length; index++) right.data[index] += pull * start[index];
  const cholesky = dampedCholesky(covariance);
  if (!cholesky) return null;
  solveWithCholesky(cholesky.factor, right);
  const weights = right.data;
  if (!weights.every(Number.isFinite)) return null;
  const bias = new Float64Array(targetColumns);
  if (!intercept) return { weights, bias };
  for (let j = 0; j < targetColumns; j++) {
    let predicted = 0;
    for (let i = 0; i < columns; i++) predicted += weights[i * targetColumns + j] * sum[i];
    bias[j] = (targetSum[j] - predicted) / count;
  }
  return { weights, bias };
}
