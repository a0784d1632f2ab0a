// Weights fitted to targets: W* = argmin Σ|t − W·x|² + λ·n·‖W − W₀‖², W₀ the weights at hand. How strongly λ pulls is chosen by samples left out of the
// fit. The same λ belongs into the metric in which W* is factorized: up to a constant, the sum above is tr((W − W*)·(C + λ·I)·(W − W*)ᵀ).
import type { SecondMoments } from '../../calibration/index.js';
import {
  copyMatrix,
  createMatrix,
  dampedCholesky,
  type Matrix,
  multiplyByTransposed,
  solveWithCholesky,
  transpose,
} from '../../numeric/index.js';
import { regularize, type WeightGroup } from '../decompositions/problem.js';

/** λ relative to the mean variance of the inputs. */
const pulls = [1e-4, 1e-3, 1e-2, 1e-1, 1];
/** Where no sample could be left out. */
const cautiousPull = 1e-1;

export interface FittedWeights {
  readonly group: WeightGroup;
  /** Means of inputs and targets; zeros unless `centred`. */
  readonly input: Float64Array;
  readonly target: Float64Array;
}

/** `heldOut` is added to `moments`. `centred`: a bias takes up the means. */
export function fitToTargets(
  moments: SecondMoments,
  heldOut: SecondMoments,
  weights: Matrix,
  centred: boolean,
): FittedWeights {
  let pull = cautiousPull;
  if (heldOut.count > 0) {
    const problem = centre(moments, centred);
    const check = about(heldOut, problem);
    let least = Number.POSITIVE_INFINITY;
    for (const candidate of pulls) {
      const error = errorOf(solve(problem, weights, candidate).weights, check);
      if (error < least) [least, pull] = [error, candidate];
    }
    moments.merge(heldOut);
  }
  const problem = centre(moments, centred);
  return { group: solve(problem, weights, pull), input: problem.input, target: problem.target };
}

/** Σ(x − mean)(x − mean)ᵀ and Σ(x − mean)(t − mean)ᵀ over the number of rows. */
interface Centred {
  readonly input: Float64Array;
  readonly target: Float64Array;
  readonly covariance: Matrix;
  /** Inputs × targets. */
  readonly cross: Matrix;
}

function centre(moments: SecondMoments, centred: boolean): Centred {
  const { count } = moments;
  const mean = (sum: number): number => (centred ? sum / count : 0);
  return about(moments, { input: moments.sum.map(mean), target: moments.targetSum.map(mean) });
}

/** About means that need not be those of the rows. */
function about(moments: SecondMoments, { input, target }: Pick<Centred, 'input' | 'target'>): Centred {
  const { columns, targetColumns, count, sum, targetSum, gram, cross: products } = moments;
  const covariance = createMatrix(columns, columns);
  const cross = createMatrix(columns, targetColumns);
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < columns; j++) {
      const at = i * columns + j;
      covariance.data[at] = (gram[at] - input[i] * sum[j] - sum[i] * input[j]) / count + input[i] * input[j];
    }
    for (let j = 0; j < targetColumns; j++) {
      const at = i * targetColumns + j;
      cross.data[at] = (products[at] - input[i] * targetSum[j] - sum[i] * target[j]) / count + input[i] * target[j];
    }
  }
  return { input, target, covariance, cross };
}

/** W*, and the metric in which it is to be factorized. */
function solve({ covariance, cross }: Centred, weights: Matrix, pull: number): WeightGroup {
  const metric = copyMatrix(covariance);
  regularize(metric, pull);
  // What the weights at hand leave of the targets, which the change of weights is fitted to.
  const rest = transpose(multiplyByTransposed(weights, covariance));
  for (let i = 0; i < rest.data.length; i++) rest.data[i] = cross.data[i] - rest.data[i];
  const fitted = copyMatrix(weights);
  const damped = dampedCholesky(metric);
  if (damped) {
    solveWithCholesky(damped.factor, rest);
    const change = transpose(rest);
    for (let i = 0; i < fitted.data.length; i++) fitted.data[i] += change.data[i];
  }
  return { weights: fitted, metric };
}

/** Σ|t − W·x|² over the number of rows, without the part that does not depend on W. */
function errorOf(weights: Matrix, { covariance, cross }: Centred): number {
  const weighted = multiplyByTransposed(weights, covariance);
  const targets = transpose(cross);
  let error = 0;
  for (let i = 0; i < weighted.data.length; i++) {
    error += weights.data[i] * (weighted.data[i] - 2 * targets.data[i]);
  }
  return error;
}
