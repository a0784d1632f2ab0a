// Singular value decomposition A = U·diag(σ)·Vᵀ by way of AᵀA. Squaring loses what is below √ε of the largest singular value, so only the
// upper part of the spectrum is taken from it; the rest is what remains below in the triangle of a QR factorization, and is decomposed
// by itself. So every σ is right to ε·σ₁, and U and V are orthonormal to rounding.
import { columnsOf, createMatrix, identityMatrix, type Matrix, transpose } from './matrix.js';
import { gramOfColumns, multiply } from './product.js';
import { factorQr } from './qr.js';
import { symmetricEigen } from './symmetric-eigen.js';

export interface SingularValues {
  /** Left singular vectors as columns. */
  readonly u: Matrix;
  /** Descending, none negative. */
  readonly values: Float64Array;
  /** Right singular vectors as columns. */
  readonly v: Matrix;
}

/** Thin: min(rows, columns) singular values. @throws RangeError when an element is not finite. */
export function singularValues(a: Matrix): SingularValues {
  if (a.rows < a.columns) {
    const { u, values, v } = singularValues(transpose(a));
    return { u: v, values, v: u };
  }
  const scale = largestElement(a);
  if (!Number.isFinite(scale))
    throw new RangeError('a matrix with elements that are not finite has no singular values');
  if (scale === 0) {
    const { q } = factorQr(a);
    return { u: q, values: new Float64Array(a.columns), v: identityMatrix(a.columns) };
  }
  const scaled = createMatrix(
    a.rows,
    a.columns,
    a.data.map((value) => value / scale),
  );
  if (a.rows === a.columns) return rescaled(decompose(scaled, 0), scale);
  const { q, r } = factorQr(scaled);
  const inner = decompose(r, 0);
  return rescaled({ ...inner, u: multiply(q, inner.u) }, scale);
}

/** Singular values this much smaller than the largest are found on their own. */
const resolved = 1e-4;

/** Square A. What is smaller than `negligible` counts as zero. */
function decompose(a: Matrix, negligible: number): SingularValues {
  const n = a.columns;
  if (n === 0) return { u: a, values: new Float64Array(0), v: a };
  const { values: squares, vectors } = symmetricEigen(gramOfColumns(a));
  const first = Math.sqrt(Math.max(squares[0], 0));
  const floor = Math.max(negligible, first * n * Number.EPSILON);
  const { q, r } = factorQr(multiply(a, vectors));
  let count = 0;
  while (count < n && Math.sqrt(Math.max(squares[count], 0)) > resolved * first) count++;
  const values = new Float64Array(n);
  const u = q;
  for (let i = 0; i < count; i++) {
    let norm = 0;
    for (let j = 0; j <= i; j++) norm += r.data[j * n + i] ** 2;
    values[i] = Math.sqrt(norm);
    if (r.data[i * n + i] < 0) negateColumn(u, i);
  }
  if (count === n) return sorted({ u, values, v: vectors });
  const rest = createMatrix(n - count, n - count);
  for (let i = count; i < n; i++) rest.data.set(r.data.subarray(i * n + count, (i + 1) * n), (i - count) * (n - count));
  if (count === 0 || largestElement(rest) * (n - count) <= floor) return sorted({ u, values, v: vectors });
  const inner = decompose(rest, floor);
  values.set(inner.values, count);
  replaceColumns(u, count, inner.u);
  replaceColumns(vectors, count, inner.v);
  return sorted({ u, values, v: vectors });
}

/** Columns from `from` on, times a square matrix, in place. */
function replaceColumns(target: Matrix, from: number, factor: Matrix): void {
  const product = multiply(columnsOf(target, from, target.columns), factor);
  for (let i = 0; i < target.rows; i++) {
    target.data.set(product.data.subarray(i * factor.columns, (i + 1) * factor.columns), i * target.columns + from);
  }
}

function negateColumn({ rows, columns, data }: Matrix, column: number): void {
  for (let i = 0; i < rows; i++) data[i * columns + column] = -data[i * columns + column];
}

/** Norms of neighbours may have changed places by rounding. */
function sorted({ u, values, v }: SingularValues): SingularValues {
  const order = Array.from(values, (_, index) => index).sort((a, b) => values[b] - values[a]);
  if (order.every((index, position) => index === position)) return { u, values, v };
  const pick = ({ rows, columns, data }: Matrix): Matrix => {
    const result = createMatrix(rows, columns);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) result.data[i * columns + j] = data[i * columns + order[j]];
    }
    return result;
  };
  return { u: pick(u), values: Float64Array.from(order, (index) => values[index]), v: pick(v) };
}

function rescaled({ u, values, v }: SingularValues, scale: number): SingularValues {
  return { u, values: values.map((value) => value * scale), v };
}

/** Of the absolute values; NaN where there is one. */
export function largestElement({ data }: Matrix): number {
  let largest = 0;
  for (const value of data) {
    const size = Math.abs(value);
    if (!(size <= largest)) largest = size;
    if (Number.isNaN(largest)) return largest;
  }
  return largest;
}
