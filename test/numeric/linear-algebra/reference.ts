// Matrices for tests, and products as they are defined.
import { createMatrix, createRandom, type Matrix } from '../../../src/numeric/index.js';

/** Standard normal elements. */
export function randomMatrix(rows: number, columns: number, seed = 1): Matrix {
  const random = createRandom(seed);
  const result = createMatrix(rows, columns);
  for (let i = 0; i < result.data.length; i++) result.data[i] = random.normal();
  return result;
}

/** A · B, one element after the other. */
export function definedProduct(a: Matrix, b: Matrix): Matrix {
  const result = createMatrix(a.rows, b.columns);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.columns; j++) {
      let sum = 0;
      for (let p = 0; p < a.columns; p++) sum += a.data[i * a.columns + p] * b.data[p * b.columns + j];
      result.data[i * b.columns + j] = sum;
    }
  }
  return result;
}

/** The largest difference of two matrices of the same shape. */
export function distance(a: Matrix, b: Matrix): number {
  if (a.rows !== b.rows || a.columns !== b.columns) return Number.POSITIVE_INFINITY;
  return a.data.reduce((largest, value, index) => Math.max(largest, Math.abs(value - b.data[index])), 0);
}
