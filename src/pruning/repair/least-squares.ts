// Ridge regression from second moments: the W and b with which Wᵀx + b is closest to targets t, pulled towards the W there is.
import type { SecondMoments } from '../../calibration/index.js';
import {
  addToDiagonal,
  dampedCholesky,
  type Matrix,
  matrixFrom,
  meanDiagonal,
  solveWithCholesky,
} from '../../numeric/index.js';

export interface Regression {
  /** [columns, targetColumns], row-major. */
  readonly weights: Float64Array;
  /** One a target; zeros without intercept. */
  readonly bias: Float64Array;
}

/** Mean xxᵀ [columns, columns] and xtᵀ [columns, targetColumns], row-major; of centred x and t where there is an intercept. */
export function normalEquations(
  moments: SecondMoments,
  intercept: boolean,
): { hessian: Float64Array; cross: Float64Array } {
  return { hessian: meanSquares(moments, intercept), cross: meanProducts(moments, intercept) };
}

function meanSquares({ columns, count, gram, sum }: SecondMoments, intercept: boolean): Float64Array {
  const hessian = new Float64Array(gram.length);
  for (let i = 0; i < columns; i++) {
    const mean = intercept ? sum[i] / count : 0;
    for (let j = 0; j < columns; j++) hessian[i * columns + j] = (gram[i * columns + j] - mean * sum[j]) / count;
  }
  return hessian;
}

function meanProducts(
  { columns, targetColumns, count, cross, sum, targetSum }: SecondMoments,
  intercept: boolean,
): Float64Array {
  const right = new Float64Array(cross.length);
  for (let i = 0; i < columns; i++) {
    const mean = intercept ? sum[i] / count : 0;
    for (let j = 0; j < targetColumns; j++) {
      const at = i * targetColumns + j;
      right[at] = (cross[at] - mean * targetSum[j]) / count;
    }
  }
  return right;
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
export function regress(moments: SecondMoments, start: Float64Array, options: RidgeOptions): Regression | null {
  return RidgeRegression.of(moments, start, options)?.solve() ?? null;
}

export interface RidgeOptions {
  readonly ridge: number;
  readonly intercept: boolean;
}

/** The same for one target after another: of the same rows, whose factor is computed once. */
export class RidgeRegression {
  private constructor(
    private readonly moments: SecondMoments,
    private readonly start: Float64Array,
    private readonly intercept: boolean,
    private readonly pull: number,
    private readonly factor: Matrix,
  ) {}

  /** `start`: W₀ [columns, targetColumns]. Null where the rows say nothing. */
  static of(moments: SecondMoments, start: Float64Array, { ridge, intercept }: RidgeOptions): RidgeRegression | null {
    const left = matrixFrom(moments.columns, moments.columns, meanSquares(moments, intercept));
    const pull = ridge * meanDiagonal(left);
    addToDiagonal(left, pull);
    const cholesky = dampedCholesky(left);
    return cholesky && new RidgeRegression(moments, start, intercept, pull, cholesky.factor);
  }

  /** For the targets that the moments hold now. Null where they are not finite. */
  solve(): Regression | null {
    const { moments, start, intercept, pull } = this;
    const right = matrixFrom(moments.columns, moments.targetColumns, meanProducts(moments, intercept));
    for (let index = 0; index < right.data.length; index++) right.data[index] += pull * start[index];
    solveWithCholesky(this.factor, right);
    if (!right.data.every(Number.isFinite)) return null;
    const bias = intercept ? interceptOf(moments, right.data) : new Float64Array(moments.targetColumns);
    return { weights: right.data, bias };
  }
}
