// The directions of the outputs y = W·x that hold most of their energy. Projecting onto the first r of them is the best approximation of
// rank r in the metric of x: W′ = U·Uᵀ·W. With the metric of real inputs that is SVD-LLM's whitened SVD (Wang et al. 2024), which takes
// W·L = U·Σ·Vᵀ for C = L·Lᵀ: U is the same, and neither L nor its inverse is needed.
import {
  factorQr,
  type Matrix,
  multiply,
  multiplyByTransposed,
  symmetricEigen,
  symmetricEigenvalues,
} from '../../numeric/index.js';
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

/** The energies alone, at a part of the cost. */
export function outputEnergies({ weights, metric }: WeightGroup): Float64Array {
  // More outputs than inputs: those of the triangle are the same.
  const { rows, columns } = weights;
  return energiesOf(outputGram(rows <= columns ? weights : factorQr(weights).r, metric));
}

/** Eigenvalues of `gram`, which rounding may have made negative. */
export function energiesOf(gram: Matrix): Float64Array {
  return symmetricEigenvalues(gram).map((value) => Math.max(value, 0));
}

function basisOf(weights: Matrix, metric: Matrix | null): OutputBasis {
  const { values, vectors } = symmetricEigen(outputGram(weights, metric));
  return { basis: vectors, energies: values.map((value) => Math.max(value, 0)) };
}

/** W·C·Wᵀ. */
function outputGram(weights: Matrix, metric: Matrix | null): Matrix {
  return multiplyByTransposed(timesMetric(weights, metric), weights);
}

/** Σ energies from each index on; one longer than `energies`. */
export function tailSums(energies: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(energies.length + 1);
  for (let i = energies.length - 1; i >= 0; i--) sums[i] = sums[i + 1] + energies[i];
  return sums;
}
