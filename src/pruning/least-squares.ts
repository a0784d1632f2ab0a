// Ridge regression from second moments: the W and b with which Wᵀx + b is closest to targets t, pulled towards the W there is.
import type { SecondMoments } from '../calibration/index.js';
import { addToDiagonal, dampedCholesky, matrixFrom, meanDiagonal, solveWithCholesky } from '../numeric/index.js';

export interface Regression {
  /** [columns, targetColumns], row-major. */
  readonly weights: Float64Array;
  /** One a target; zeros without intercept. */
  readonly bias: Float64Array;
}

/** Mean xxᵀ [columns, columns] and xtᵀ [columns, targetColumns], row-major; of centred x and t where there is an intercept. */
export function normalEquations(
  { columns, targetColumns, count, gram, cross, sum, targetSum }: SecondMoments,
  intercept: boolean,
): { hessian: Float64Array; cross: Float64Array } {
  const hessian = new Float64Array(gram.length);
  const right = new Float64Array(cross.length);
  for (let i = 0; i < columns; i++) {
    const mean = intercept ? sum[i] / count : 0;
    for (let j = 0; j < columns; j++) hessian[i * columns + j] = (gram[i * columns + j] - mean * sum[j]) / count;
    for (let j = 0; j < targetColumns; j++) {
      const at = i * targetColumns + j;
      right[at] = (cross[at] - mean * targetSum[j]) / count;
    }
  }
  return { hessian, cross: right };
}

/** The bias that goes with `weights` [columns, targetColumns]: mean t − Wᵀ mean x. */
export function interceptOf(
  { columns, targetColumns, count, sum, targetSum }: SecondMoments,
  weights: Float64Array,
): Float64Array {
  return Float64Array.from({ length: targetColumns }, (_, j) => {
    let predicted = 0;
    for (let i = 0; i < columns; i++) predicted += weights[i * targetColumns + j] * sum[i];
    return (targetSum[j] - predicted) / count;
  });
}

/**
 * argmin |T − XW − b|²/n + λ|W − W₀|² with λ = `ridge` times the mean square of a centred column. `intercept` false: b = 0, nothing is centred.
 * Null where the moments say nothing (zeros, or not finite).
 */
export function regress(
  moments: SecondMoments,
  start: Float64Array,
  { ridge, intercept }: { readonly ridge: number; readonly intercept: boolean },
): Regression | null {
  const { columns, targetColumns } = moments;
  const { hessian, cross } = normalEquations(moments, intercept);
  const left = matrixFrom(columns, columns, hessian);
  const pull = ridge * meanDiagonal(left);
  addToDiagonal(left, pull);
  const right = matrixFrom(columns, targetColumns, cross);
  for (let index = 0; index < right.data.length; index++) right.data[index] += pull * start[index];
  const cholesky = dampedCholesky(left);
  if (!cholesky) return null;
  solveWithCholesky(cholesky.factor, right);
  if (!right.data.every(Number.isFinite)) return null;
  const bias = intercept ? interceptOf(moments, right.data) : new Float64Array(targetColumns);
  return { weights: right.data, bias };
}
