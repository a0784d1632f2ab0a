// The largest singular values and their vectors by random projection and power iterations with orthonormalization between them
// (Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1).
import type { Random } from '../random.js';
import { createMatrix, type Matrix, transpose } from './matrix.js';
import { multiply } from './product.js';
import { factorQr } from './qr.js';
import { largestOf, type SingularValues, singularValues } from './singular-values.js';

/** A · B, wherever it is fastest. */
export type MultiplyMatrices = (a: Matrix, b: Matrix) => Promise<Matrix>;

export interface RandomizedOptions {
  readonly random: Random;
  /** Columns of the projection beyond the rank; default: an eighth of the rank, at least 16. */
  readonly oversampling?: number;
  /** Each brings the result nearer to the exact one by the ratio of neighbouring singular values to the fourth power; default 3. */
  readonly powerIterations?: number;
  /** Default: in this thread. */
  readonly multiply?: MultiplyMatrices;
  /** Asked between two products; throws to stop. */
  readonly check?: () => void;
}

/** @throws RangeError when an element is not finite. */
export async function randomizedSingularValues(
  a: Matrix,
  rank: number,
  { random, oversampling, powerIterations = 3, multiply: product = multiplyHere, check }: RandomizedOptions,
): Promise<SingularValues> {
  const size = Math.min(a.rows, a.columns);
  const width = Math.min(size, rank + (oversampling ?? Math.max(16, Math.ceil(rank / 8))));
  const turned = transpose(a);
  let basis = createMatrix(a.columns, width);
  for (let i = 0; i < basis.data.length; i++) basis.data[i] = random.normal();
  const times = async (matrix: Matrix, columns: Matrix): Promise<Matrix> => {
    check?.();
    return factorQr(await product(matrix, columns)).q;
  };
  for (let iteration = 0; iteration < powerIterations; iteration++) {
    basis = await times(turned, await times(a, basis));
  }
  const q = await times(a, basis);
  check?.();
  // Aᵀ·Q = W·R, so A ≈ Q·Rᵀ·Wᵀ.
  const { q: w, r } = factorQr(await product(turned, q));
  const inner = singularValues(transpose(r));
  check?.();
  return largestOf({ u: await product(q, inner.u), values: inner.values, v: await product(w, inner.v) }, rank);
}

async function multiplyHere(a: Matrix, b: Matrix): Promise<Matrix> {
  return multiply(a, b);
}
