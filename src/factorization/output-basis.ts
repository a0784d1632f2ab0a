// The directions of the outputs y = W·x that hold most of their energy. Projecting onto the first r of them is the best approximation of
// rank r in the metric of x: W′ = U·Uᵀ·W. With the metric of real inputs that is SVD-LLM's whitened SVD (Wang et al. 2024), which takes
// W·L = U·Σ·Vᵀ for C = L·Lᵀ: U is the same, and neither L nor its inverse is needed.
import { factorQr, type Matrix, multiply, multiplyByTransposed, symmetricEigen } from '../numeric/index.js';
import { timesMetric, type WeightGroup } from './problem.js';

export interface OutputBasis {
  /** Orthonormal columns, outputs × min(outputs, inputs). */
  readonly basis: Matrix;
  /** Energy along each, descending; their sum from r on is the error of rank r. */
  readonly energies: Float64Array;
}

export function outputBasis({ weights, metric }: WeightGroup): OutputBasis {
  if (weights.rows <= weights.columns) return basisOf(weights, metric);
  // More outputs than inputs: within the span of W's columns.
  const { q, r } = factorQr(weights);
  const { basis, energies } = basisOf(r, metric);
  return { basis: multiply(q, basis), energies };
}

function basisOf(weights: Matrix, metric: Matrix | null): OutputBasis {
  const { values, vectors } = symmetricEigen(multiplyByTransposed(timesMetric(weights, metric), weights));
  return { basis: vectors, energies: values.map((value) => Math.max(value, 0)) };
}

/** Σ energies from each index on; one longer than `energies`. */
export function tailSums(energies: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(energies.length + 1);
  for (let i = energies.length - 1; i >= 0; i--) sums[i] = sums[i + 1] + energies[i];
  return sums;
}
