// What roundings of a convolution cost on samples that none of them was fitted to: the squared error of its output, from the moments of its patches.
import type { LinearOperator } from '../../../src/analysis/index.js';
import type { MatrixProducts } from '../../../src/engine/index.js';
import { type RowWeights, roundingErrors } from '../../../src/quantization/index.js';
import type { PatchMoments } from './patch-moments.js';

/** Rounded weights, and what is added to the bias for them; null: nothing. */
export interface RoundedRows {
  readonly integers: Int8Array;
  readonly correction: Float64Array | null;
}

/** Mean error of each output channel: its row of errors times the mean patch. */
export function meanErrors(
  errors: Float64Array,
  { outputChannels, rowLength, groups }: LinearOperator,
  means: readonly Float64Array[],
): Float64Array {
  return Float64Array.from({ length: outputChannels }, (_, channel) => {
    const mean = means[Math.floor((channel * groups) / outputChannels)];
    let sum = 0;
    for (let i = 0; i < rowLength; i++) sum += errors[channel * rowLength + i] * mean[i];
    return sum;
  });
}

/**
 * Mean squared error of the output on the held-out samples, summed over the channels, for each candidate; of its mean alone where covariances are not
 * known.
 */
export async function heldOutErrors(
  candidates: readonly RoundedRows[],
  weights: RowWeights,
  operator: LinearOperator,
  held: PatchMoments,
  products: MatrixProducts,
): Promise<number[]> {
  if (held.count === 0 || candidates.length < 2) return candidates.map(() => 0);
  // Candidates that differ in the bias only share what their rounding costs.
  const spreads = new Map<Int8Array, number>();
  const sums: number[] = [];
  for (const { integers, correction } of candidates) {
    const errors = roundingErrors(weights, integers);
    const left = meanErrors(errors, operator, held.means);
    for (const [channel, corrected] of correction?.entries() ?? []) left[channel] -= corrected;
    const spread = spreads.get(integers) ?? (await spreadOf(errors, operator, held.covariances, products));
    spreads.set(integers, spread);
    sums.push(left.reduce((total, error) => total + error * error, spread));
  }
  return sums;
}

/** Σ e·C·eᵀ over the rows e of the errors, with the covariance C of their group. */
async function spreadOf(
  errors: Float64Array,
  { groups, rowLength }: LinearOperator,
  covariances: readonly Float64Array[] | null,
  products: MatrixProducts,
): Promise<number> {
  if (!covariances) return 0;
  if (groups === 1) {
    const product = await products.multiply(
      Float32Array.from(errors),
      rowLength,
      Float32Array.from(covariances[0]),
      rowLength,
    );
    return errors.reduce((sum, error, index) => sum + error * product[index], 0);
  }
  let sum = 0;
  for (let row = 0; row < errors.length / rowLength; row++) {
    const covariance = covariances[Math.floor((row * rowLength * groups) / errors.length)];
    for (let i = 0; i < rowLength; i++) {
      let product = 0;
      for (let j = 0; j < rowLength; j++) product += covariance[i * rowLength + j] * errors[row * rowLength + j];
      sum += product * errors[row * rowLength + i];
    }
  }
  return sum;
}
