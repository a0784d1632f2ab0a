// The largest singular values and their vectors: eigenvectors of AᵀA span them, and A is decomposed within that span (Rayleigh–Ritz), so that
// what squaring loses is lost to the choice of the span only.
import { type LeadingOptions, leadingEigen } from './leading-eigen.js';
import { copyMatrix, type Matrix, transpose } from './matrix.js';
import { multiply } from './product.js';
import { factorQr } from './qr.js';
import { largestElement, type SingularValues, singularValues } from './singular-values.js';

/**
 * `rank` of them at most: values right to 1e-6 of the largest, and a rest as small as possible to 1e-6 of itself, by default.
 * @throws RangeError when an element is not finite.
 */
export async function leadingSingularValues(a: Matrix, rank: number, options: LeadingOptions): Promise<SingularValues> {
  if (a.rows < a.columns) {
    const { u, values, v } = await leadingSingularValues(transpose(a), rank, options);
    return { u: v, values, v: u };
  }
  const scale = largestElement(a);
  if (!Number.isFinite(scale))
    throw new RangeError('a matrix with elements that are not finite has no singular values');
  const product = options.multiply ?? (async (left: Matrix, right: Matrix) => multiply(left, right));
  const scaled = copyMatrix(a);
  if (scale > 0) for (let i = 0; i < scaled.data.length; i++) scaled.data[i] /= scale;
  options.check?.();
  const { vectors } = await leadingEigen(await product(transpose(scaled), scaled), Math.min(rank, a.columns), options);
  const { q, r } = factorQr(await product(scaled, vectors));
  options.check?.();
  const { u, values, v } = singularValues(r);
  return {
    u: await product(q, u),
    values: values.map((value) => value * scale),
    v: await product(vectors, v),
  };
}
