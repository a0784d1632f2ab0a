// Eigenvalues and eigenvectors of symmetric matrices: Householder tridiagonalization, divide and conquer, transformation back.
import type { Matrix } from './matrix.js';
import { transpose } from './matrix.js';
import { tridiagonalEigen, tridiagonalValues } from './tridiagonal-eigen.js';
import { tridiagonalize } from './tridiagonalize.js';

export interface SymmetricEigen {
  /** Descending. */
  readonly values: Float64Array;
  /** Orthonormal eigenvectors as columns, in the order of the values. */
  readonly vectors: Matrix;
}

/**
 * A = V·diag(values)·Vᵀ, of which only the lower triangle is read; with `count`, only the largest values and their vectors.
 * @throws RangeError unless A is square and finite.
 */
export function symmetricEigen(a: Matrix, count = a.rows): SymmetricEigen {
  requireSquare(a);
  const n = a.rows;
  const { diagonal, offDiagonal, transformBack } = tridiagonalize(a);
  const { values, vectors } = tridiagonalEigen(diagonal, offDiagonal, Math.min(count, n));
  transformBack(vectors);
  // Rows descend like the values.
  const turned = { ...vectors, data: new Float64Array(vectors.data.length) };
  for (let row = 0; row < vectors.rows; row++) {
    turned.data.set(vectors.data.subarray(row * n, (row + 1) * n), (vectors.rows - 1 - row) * n);
  }
  return { values: values.slice().reverse(), vectors: transpose(turned) };
}

/** All of them, descending, without their vectors; only the lower triangle is read. @throws RangeError unless A is square and finite. */
export function symmetricEigenvalues(a: Matrix): Float64Array {
  requireSquare(a);
  const { diagonal, offDiagonal } = tridiagonalize(a);
  return tridiagonalValues(diagonal, offDiagonal).reverse();
}

function requireSquare({ rows, columns, data }: Matrix): void {
  if (rows !== columns) throw new RangeError(`a matrix of ${rows}×${columns} is not symmetric`);
  if (!data.every(Number.isFinite))
    throw new RangeError('a matrix with elements that are not finite has no eigenvalues');
}
