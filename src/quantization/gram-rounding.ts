// Rounding weights so that the errors of what they compute cancel out: GPTQ (Frantar et al. 2022), in the form of Babai's nearest plane.
// With G = L·Lᵀ the squared error of an output is ‖Lᵀ·δ‖² for the error δ of its weights; weights are rounded one after the other, each
// to what makes its component of Lᵀ·δ smallest, those that meet the strongest inputs first.
import { createMatrix, dampedCholesky, type Matrix, roundHalfToEven } from '../numeric/index.js';
import type { QuantizedRange } from './scheme.js';

/** W [rows, columns], row-major, with one scale per row and zero points of 0. */
export interface RowWeights {
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly scale: Float32Array;
  /** Integers saturate to these. */
  readonly bounds: QuantizedRange;
}

/** Each weight to the nearest integer, ties to even. */
export function roundToNearest({ values, columns, scale, bounds }: RowWeights): Int8Array {
  return Int8Array.from(values, (value, index) => saturate(value / scale[Math.floor(index / columns)], bounds));
}

/**
 * The integers of `weights` for inputs of the second moments `gram` [columns, columns], symmetric and positive semidefinite.
 * @param damping share of the mean of its diagonal that is added to it.
 * Null where `gram` has no positive diagonal or is not finite.
 */
export function roundByGram(weights: RowWeights, gram: Matrix, damping = 0.01): Int8Array | null {
  const { values, rows, columns, scale, bounds } = weights;
  const order = [...Array(columns).keys()].sort((a, b) => gram.data[a * (columns + 1)] - gram.data[b * (columns + 1)]);
  const permuted = createMatrix(columns, columns);
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < columns; j++) permuted.data[i * columns + j] = gram.data[order[i] * columns + order[j]];
  }
  const factor = dampedCholesky(permuted, damping)?.factor.data;
  if (!factor) return null;
  const integers = new Int8Array(values.length);
  // One column of L, divided by its diagonal element, and the errors of all rows so far.
  const column = new Float64Array(columns);
  const errors = new Float64Array(rows * columns);
  for (let j = columns - 1; j >= 0; j--) {
    for (let i = j + 1; i < columns; i++) column[i] = factor[i * columns + j] / factor[j * (columns + 1)];
    for (let row = 0; row < rows; row++) {
      const start = row * columns;
      let wanted = values[start + order[j]];
      for (let i = j + 1; i < columns; i++) wanted += column[i] * errors[start + i];
      const integer = saturate(wanted / scale[row], bounds);
      integers[start + order[j]] = integer;
      errors[start + j] = values[start + order[j]] - integer * scale[row];
    }
  }
  return integers;
}

/** W − Ŵ [rows, columns], row-major. */
export function roundingErrors({ values, columns, scale }: RowWeights, integers: Int8Array): Float64Array {
  return Float64Array.from(values, (value, index) => value - integers[index] * scale[Math.floor(index / columns)]);
}

function saturate(exact: number, { minimum, maximum }: QuantizedRange): number {
  return Math.min(Math.max(roundHalfToEven(exact), minimum), maximum);
}
