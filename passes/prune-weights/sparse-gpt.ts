// SparseGPT (Frantar & Alistarh, 2023): weights go column by column, and each row's remaining weights make up for what it lost, by the inverse
// of the second moments of the inputs. Masks are chosen in blocks of columns, from w² / [H⁻¹]ⱼⱼ.
import { dampedCholesky, factorCholesky, invertWithCholesky, matrixFrom, transpose } from '../../src/numeric/index.js';
import type { Pattern } from './magnitudes.js';

const blockColumns = 128;

export interface SparseRows {
  /** [outputs, features]; zero where the mask is. */
  readonly rows: Float64Array;
  /** 1 where a weight stays. */
  readonly mask: Uint8Array;
}

/**
 * `rows` W [outputs, features] with `share` of its weights gone, or all but those that `pattern` allows. `hessian`: second moments
 * [features, features]. `given`: a mask chosen otherwise, only compensated for. Null where second moments say nothing.
 */
export function sparsify(
  rows: ArrayLike<number>,
  hessian: Float64Array,
  features: number,
  { share, pattern, given }: { readonly share: number; readonly pattern: Pattern | null; readonly given?: Uint8Array },
): SparseRows | null {
  const cholesky = dampedCholesky(matrixFrom(features, features, hessian), 0.01);
  if (!cholesky) return null;
  const inverse = invertWithCholesky(cholesky.factor);
  if (factorCholesky(inverse) !== null) return null;
  // H⁻¹ = UᵀU: row j of U is what column j spreads to the ones behind it.
  const upper = transpose(inverse).data;
  const w = Float64Array.from(rows);
  const mask = given ?? new Uint8Array(w.length).fill(1);
  const outputs = w.length / features;
  const errors = new Float64Array(blockColumns);
  for (let start = 0; start < features; start += blockColumns) {
    const end = Math.min(start + blockColumns, features);
    if (!given && !pattern) chooseBlock(w, upper, mask, features, start, end, share);
    for (let output = 0; output < outputs; output++) {
      const row = output * features;
      errors.fill(0);
      for (let column = start; column < end; column++) {
        if (!given && pattern && column % pattern.of === 0)
          choosePattern(w, upper, mask, features, row, column, pattern);
        if (mask[row + column]) continue;
        const error = w[row + column] / upper[column * features + column];
        for (let other = column; other < end; other++) w[row + other] -= error * upper[column * features + other];
        w[row + column] = 0;
        errors[column - start] = error;
      }
      // What the block lost is made up for behind it at once.
      for (let column = start; column < end; column++) {
        const error = errors[column - start];
        if (error === 0) continue;
        const from = column * features;
        for (let other = end; other < features; other++) w[row + other] -= error * upper[from + other];
      }
    }
  }
  return { rows: w, mask };
}

function chooseBlock(
  w: Float64Array,
  upper: Float64Array,
  mask: Uint8Array,
  features: number,
  start: number,
  end: number,
  share: number,
): void {
  const outputs = w.length / features;
  const width = end - start;
  const scores = new Float32Array(outputs * width);
  for (let output = 0; output < outputs; output++) {
    for (let column = start; column < end; column++) {
      scores[output * width + column - start] =
        (w[output * features + column] / upper[column * features + column]) ** 2;
    }
  }
  const sorted = Float32Array.from(scores).sort();
  const gone = Math.min(Math.floor(share * scores.length + 0.5), scores.length - 1);
  const threshold = sorted[gone];
  for (let index = 0; index < scores.length; index++) {
    if (scores[index] < threshold) mask[Math.floor(index / width) * features + start + (index % width)] = 0;
  }
}

function choosePattern(
  w: Float64Array,
  upper: Float64Array,
  mask: Uint8Array,
  features: number,
  row: number,
  column: number,
  { stay, of }: Pattern,
): void {
  if (column + of > features) return;
  const score = (at: number): number => (w[row + at] / upper[at * features + at]) ** 2;
  const order = Array.from({ length: of }, (_, at) => column + at).sort((a, b) => score(a) - score(b) || a - b);
  for (const at of order.slice(0, of - stay)) mask[row + at] = 0;
}
