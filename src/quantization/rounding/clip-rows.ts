// Scales that cut off the largest weights of a row where that lowers the error of what the row computes: fewer bits, finer steps for the rest.
import type { Matrix } from '../../numeric/index.js';
import { type RowWeights, roundingErrors, roundToNearest } from './gram-rounding.js';

/** Shares of the range of a row that are tried, the whole first. */
const shares = Array.from({ length: 21 }, (_, index) => 1 - index / 40);

/**
 * One scale a row: of the shares of its range, the one whose nearest integers have the least error for inputs of the `covariance`
 * [columns, columns]; without, the least squared error of the weights.
 */
export function clippedScales(weights: Omit<RowWeights, 'scale'>, covariance: Matrix | null): Float32Array {
  const { rows, columns, values } = weights;
  const fitting = fittingScales(weights);
  return Float32Array.from({ length: rows }, (_, row) => {
    const whole = fitting[row];
    const own = { ...weights, rows: 1, values: values.subarray(row * columns, (row + 1) * columns) };
    let best = whole;
    let least = Number.POSITIVE_INFINITY;
    for (const share of shares) {
      const scale = Float32Array.of(whole * share);
      const candidate = { ...own, scale };
      const error = rowError(roundingErrors(candidate, roundToNearest(candidate)), covariance);
      // Equal ones keep the wider range: what was not seen may need it.
      if (error < least * (1 - 1e-6)) {
        least = error;
        best = scale[0];
      }
    }
    return best;
  });
}

/** The smallest scale of each row that cuts off nothing; 1 for a row of zeros. */
export function fittingScales({ values, rows, columns, bounds }: Omit<RowWeights, 'scale'>): Float32Array {
  return Float32Array.from({ length: rows }, (_, row) => {
    let scale = 0;
    for (const value of values.subarray(row * columns, (row + 1) * columns)) {
      scale = Math.max(scale, value / (value < 0 ? bounds.minimum : bounds.maximum));
    }
    return scale >= 2 ** -126 ? scale : 1;
  });
}

/** Error of each row of the nearest integers for inputs of the second moments or covariance [columns, columns]. */
export function outputErrors(weights: RowWeights, moments: Matrix): Float64Array {
  const { rows, columns } = weights;
  const errors = roundingErrors(weights, roundToNearest(weights));
  return Float64Array.from({ length: rows }, (_, row) =>
    rowError(errors.subarray(row * columns, (row + 1) * columns), moments),
  );
}

function rowError(errors: Float64Array, covariance: Matrix | null): number {
  let sum = 0;
  if (covariance === null) {
    for (const error of errors) sum += error * error;
    return sum;
  }
  const { data } = covariance;
  const n = errors.length;
  for (let i = 0; i < n; i++) {
    // The matrix is symmetric: what is below its diagonal counts twice. Four sums at once keep the processor busy.
    const row = i * n;
    let [a, b, c, d] = [0, 0, 0, 0];
    let j = 0;
    for (; j + 4 <= i; j += 4) {
      a += data[row + j] * errors[j];
      b += data[row + j + 1] * errors[j + 1];
      c += data[row + j + 2] * errors[j + 2];
      d += data[row + j + 3] * errors[j + 3];
    }
    for (; j < i; j++) a += data[row + j] * errors[j];
    sum += (2 * (a + b + (c + d)) + data[row + i] * errors[i]) * errors[i];
  }
  return sum;
}
