// Exact least squares under a mask: of all weights with these zeros, the ones whose outputs are closest to the targets. Conjugate gradients on
// tr(WᵀHW) − 2 tr(WᵀB) + λ|W − W₀|², all columns at once, with the gradient masked and the diagonal as preconditioner.
import type { MatrixProducts } from '../../src/engine/index.js';

export interface MaskedProblem {
  /** H [features, features] and B [features, outputs], row-major. */
  readonly hessian: Float64Array;
  readonly cross: Float64Array;
  /** W₀ [features, outputs]. */
  readonly start: Float64Array;
  /** 1 where a weight stays, [features, outputs]. */
  readonly mask: Uint8Array;
  readonly features: number;
  readonly outputs: number;
  /** λ relative to the mean of the diagonal of H. */
  readonly ridge: number;
}

const iterations = 60;
/** Of the squared gradient, relative to where it began. */
const tolerance = 1e-10;

export async function solveMasked(problem: MaskedProblem, products: MatrixProducts): Promise<Float64Array> {
  const { hessian, cross, start, mask, features, outputs, ridge } = problem;
  let mean = 0;
  for (let i = 0; i < features; i++) mean += hessian[i * (features + 1)] / features;
  const pull = ridge * mean;
  const matrix = Float32Array.from(hessian);
  for (let i = 0; i < features; i++) matrix[i * (features + 1)] += pull;
  const diagonal = Float64Array.from({ length: features }, (_, i) =>
    Math.max(hessian[i * (features + 1)] + pull, 1e-30),
  );
  const apply = (w: Float64Array) => products.multiply(matrix, features, Float32Array.from(w), outputs);
  const w = start.map((value, at) => (mask[at] ? value : 0));
  const product = await apply(w);
  const residual = new Float64Array(w.length);
  for (let at = 0; at < w.length; at++) residual[at] = mask[at] ? cross[at] + pull * start[at] - product[at] : 0;
  const preconditioned = new Float64Array(w.length);
  const precondition = (): void => {
    for (let at = 0; at < w.length; at++) preconditioned[at] = residual[at] / diagonal[Math.floor(at / outputs)];
  };
  precondition();
  const direction = preconditioned.slice();
  let descent = dotColumns(residual, preconditioned, outputs);
  const first = descent.reduce((sum, value) => sum + value, 0);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const image = await apply(direction);
    const curvature = dotColumns(direction, image, outputs);
    for (let at = 0; at < w.length; at++) {
      if (!mask[at]) continue;
      const column = at % outputs;
      const step = curvature[column] > 0 ? descent[column] / curvature[column] : 0;
      w[at] += step * direction[at];
      residual[at] -= step * image[at];
    }
    precondition();
    const next = dotColumns(residual, preconditioned, outputs);
    for (let at = 0; at < w.length; at++) {
      const column = at % outputs;
      const turn = descent[column] > 0 ? next[column] / descent[column] : 0;
      direction[at] = preconditioned[at] + turn * direction[at];
    }
    descent = next;
    if (!(next.reduce((sum, value) => sum + value, 0) > tolerance * first)) break;
  }
  return w;
}

function dotColumns(a: ArrayLike<number>, b: ArrayLike<number>, columns: number): Float64Array {
  const sums = new Float64Array(columns);
  for (let at = 0, column = 0; at < a.length; at++) {
    sums[column] += a[at] * b[at];
    if (++column === columns) column = 0;
  }
  return sums;
}
