// Rounding weights with one scale per output channel: to the nearest integers, or so that the errors of what they compute cancel out (GPTQ).
import { type Matrix, roundHalfToEven } from '../../numeric/index.js';
import type { QuantizedRange } from '../parameters/scheme.js';
import { compensateErrors, factorMoments, type RoundingGrid } from './error-compensation.js';

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
export function roundToNearest({ values, rows, columns, scale, bounds }: RowWeights): Int8Array {
  const integers = new Int8Array(values.length);
  for (let row = 0, at = 0; row < rows; row++) {
    for (const end = at + columns; at < end; at++) integers[at] = saturate(values[at] / scale[row], bounds);
  }
  return integers;
}

/**
 * The integers of `weights` for inputs of the second moments `gram` [columns, columns], symmetric and positive semidefinite; the weights that
 * meet the strongest inputs are rounded first.
 * @param damping share of the mean of its diagonal that is added to it.
 * Null where `gram` has no positive diagonal or is not finite.
 */
export function roundByGram(weights: RowWeights, gram: Matrix, damping = 0.01): Int8Array | null {
  const { values, rows, columns, scale, bounds } = weights;
  const factor = factorMoments(gram.data, columns, { damping, actOrder: true });
  if (factor === null) return null;
  const integers = new Int8Array(values.length);
  const grid: RoundingGrid = {
    fit() {},
    round(column, wanted, decoded) {
      for (let row = 0; row < rows; row++) {
        const integer = saturate(wanted[row] / scale[row], bounds);
        integers[row * columns + column] = integer;
        decoded[row] = integer * scale[row];
      }
    },
  };
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = values[row * columns + column];
  }
  compensateErrors(turned, rows, grid, factor, 1);
  return integers;
}

/** W − Ŵ [rows, columns], row-major. */
export function roundingErrors({ values, rows, columns, scale }: RowWeights, integers: Int8Array): Float64Array {
  const errors = new Float64Array(values.length);
  for (let row = 0, at = 0; row < rows; row++) {
    for (const end = at + columns; at < end; at++) errors[at] = values[at] - integers[at] * scale[row];
  }
  return errors;
}

function saturate(exact: number, { minimum, maximum }: QuantizedRange): number {
  return Math.min(Math.max(roundHalfToEven(exact), minimum), maximum);
}
