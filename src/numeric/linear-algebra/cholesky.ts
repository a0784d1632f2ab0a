// Cholesky factorization A = L·Lᵀ in blocks (right-looking, LAPACK's dpotrf), and what it solves.
import { addDotTiles } from './dot-tiles.js';
import { addToDiagonal, copyMatrix, createMatrix, type Matrix, meanDiagonal, transpose } from './matrix.js';
import { gramOfRows } from './product.js';
import { invertLower, solveLower, solveLowerTransposed } from './triangular.js';

const block = 64;

/**
 * Replaces a symmetric positive definite matrix, of which only the lower triangle is read, by L, zeros above the diagonal.
 * Returns null, or the first row whose pivot is not positive (or not finite): the matrix is not positive definite, and is left
 * half done.
 */
export function factorCholesky(a: Matrix): number | null {
  const { rows: n, data } = a;
  if (n !== a.columns) throw new RangeError(`a matrix of ${n}×${a.columns} has no Cholesky factor`);
  for (let from = 0; from < n; from += block) {
    const to = Math.min(from + block, n);
    for (let i = from; i < n; i++) {
      const row = i * n;
      for (let j = from; j < Math.min(i, to); j++) {
        const other = j * n;
        let sum = data[row + j];
        for (let p = from; p < j; p++) sum -= data[row + p] * data[other + p];
        data[row + j] = sum / data[other + j];
      }
      if (i >= to) continue;
      let pivot = data[row + i];
      for (let p = from; p < i; p++) pivot -= data[row + p] * data[row + p];
      if (!(pivot > 0) || pivot === Number.POSITIVE_INFINITY) return i;
      data[row + i] = Math.sqrt(pivot);
    }
    const rest = n - to;
    const panel = { data, offset: to * n + from, stride: n };
    addDotTiles({ data, offset: to * n + to, stride: n }, panel, panel, [rest, rest, to - from], -1, true);
  }
  for (let i = 0; i < n; i++) data.fill(0, i * n + i + 1, (i + 1) * n);
  return null;
}

/**
 * The Cholesky factor of A + d·I with the smallest d that works among 0 (or `damping` times the mean of the diagonal), and ten times as
 * much each further try. A stays as it is. Returns null where A has no positive diagonal, or is not finite.
 */
export function dampedCholesky(a: Matrix, damping = 0): { readonly factor: Matrix; readonly added: number } | null {
  const mean = meanDiagonal(a);
  if (!(mean > 0) || mean === Number.POSITIVE_INFINITY) return null;
  let relative = damping;
  for (let attempt = 0; attempt < 20 && relative <= 1; attempt++) {
    const factor = copyMatrix(a);
    addToDiagonal(factor, relative * mean);
    if (factorCholesky(factor) === null) return { factor, added: relative * mean };
    relative = relative === 0 ? 1e-12 : relative * 10;
  }
  return null;
}

/** X with L·Lᵀ·X = B for the factor L; B has one right-hand side per column and is replaced by X. */
export function solveWithCholesky(factor: Matrix, b: Matrix): void {
  solveLower(factor, b);
  solveLowerTransposed(factor, b);
}

/** (L·Lᵀ)⁻¹ for the factor L. */
export function invertWithCholesky(factor: Matrix): Matrix {
  return gramOfRows(transpose(invertLower(factor)));
}

/** A⁻¹ of a symmetric positive definite matrix; null when it is not positive definite. */
export function invertPositiveDefinite(a: Matrix): Matrix | null {
  const factor = copyMatrix(a);
  return factorCholesky(factor) === null ? invertWithCholesky(factor) : null;
}

/** X with A·X = B for a symmetric positive definite A; null when A is not positive definite. */
export function solvePositiveDefinite(a: Matrix, b: Matrix): Matrix | null {
  const factor = copyMatrix(a);
  if (factorCholesky(factor) !== null) return null;
  const x = createMatrix(b.rows, b.columns, b.data.slice());
  solveWithCholesky(factor, x);
  return x;
}
