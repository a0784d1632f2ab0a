// Eigenvalues and eigenvectors of symmetric tridiagonal matrices: divide and conquer (Cuppen 1981; deflation and vectors as in LAPACK's
// dlaed2 and dlaed3), and the QL algorithm with implicit shifts (EISPACK's tql2) for small ones.
import { addDotTiles } from './dot-tiles.js';
import { createMatrix, type Matrix, transpose } from './matrix.js';
import { exactVector, secularRoot } from './secular-equation.js';

export interface RowEigen {
  /** Ascending. */
  readonly values: Float64Array;
  /** One eigenvector per row. */
  readonly vectors: Matrix;
}

const smallest = 32;

/**
 * Of the matrix with this diagonal and these elements beside it, all finite; with `count`, only the vectors of the largest values
 * (and these values).
 */
export function tridiagonalEigen(diagonal: Float64Array, offDiagonal: Float64Array, count = diagonal.length): RowEigen {
  let scale = 0;
  for (const value of diagonal) scale = Math.max(scale, Math.abs(value));
  for (const value of offDiagonal) scale = Math.max(scale, Math.abs(value));
  if (scale === 0) scale = 1;
  const d = diagonal.map((value) => value / scale);
  const e = offDiagonal.map((value) => value / scale);
  const { values, vectors } = solve(d, e, count);
  return { values: values.map((value) => value * scale), vectors };
}

/** Ascending; without vectors, at a small part of the cost. All elements finite. */
export function tridiagonalValues(diagonal: Float64Array, offDiagonal: Float64Array): Float64Array {
  return diagonalize(diagonal, offDiagonal, null).sort();
}

function solve(d: Float64Array, e: Float64Array, count: number): RowEigen {
  const n = d.length;
  if (n <= smallest) return largest(implicitQl(d, e), count);
  const middle = n >> 1;
  const coupling = e[middle - 1];
  const rho = Math.abs(coupling);
  const first = d.slice(0, middle);
  const second = d.slice(middle);
  first[middle - 1] -= rho;
  second[0] -= rho;
  const upper = solve(first, e.slice(0, middle - 1), middle);
  const lower = solve(second, e.slice(middle), n - middle);
  return merge(upper, lower, rho, Math.sign(coupling) || 1, count);
}

function largest({ values, vectors }: RowEigen, count: number): RowEigen {
  const from = values.length - count;
  if (from <= 0) return { values, vectors };
  const { columns } = vectors;
  return {
    values: values.slice(from),
    vectors: { rows: count, columns, data: vectors.data.slice(from * columns) },
  };
}

/** Eigenvalues and rows of both halves side by side, before and after deflation. */
interface Halves {
  readonly d: Float64Array;
  readonly z: Float64Array;
  readonly rows: Matrix;
  /** Whether row i has elements in the first and in the second half. */
  readonly inFirst: Uint8Array;
  readonly inSecond: Uint8Array;
}

/** Eigen-decomposition of diag(upper, lower) + ρ·u·uᵀ, u = (last unit vector, sign · first unit vector). */
function merge(upper: RowEigen, lower: RowEigen, rho: number, sign: number, count: number): RowEigen {
  const halves = sideBySide(upper, lower, sign);
  const { d, z, rows } = halves;
  const n = d.length;
  const kept = deflate(halves, rho);
  const poles = Float64Array.from(kept, (index) => d[index]);
  const weights = Float64Array.from(kept, (index) => z[index]);
  const k = kept.length;
  const roots = new Float64Array(k);
  const differences = createMatrix(k, k);
  for (let i = 0; i < k; i++) {
    roots[i] = secularRoot(i, poles, weights, rho, differences.data.subarray(i * k, (i + 1) * k));
  }
  const remains = new Set(kept);
  const deflated = Array.from({ length: n }, (_, index) => index).filter((index) => !remains.has(index));
  const order = [
    ...Array.from(roots, (value, root) => ({ value, root, row: -1 })),
    ...deflated.map((row) => ({ value: d[row], root: -1, row })),
  ].sort((a, b) => a.value - b.value);
  const wanted = order.slice(n - count);
  const wantedRoots = wanted.filter(({ root }) => root >= 0).map(({ root }) => root);
  const combined = combine(
    halves,
    kept,
    wantedRoots,
    differences,
    exactVector(poles, weights, differences.data),
    upper.values.length,
  );
  const vectors = createMatrix(count, n);
  let next = 0;
  for (const [index, { root, row }] of wanted.entries()) {
    const source = root >= 0 ? combined : rows;
    const from = (root >= 0 ? next++ : row) * n;
    vectors.data.set(source.data.subarray(from, from + n), index * n);
  }
  return { values: Float64Array.from(wanted, ({ value }) => value), vectors };
}

function sideBySide(upper: RowEigen, lower: RowEigen, sign: number): Halves {
  const m = upper.values.length;
  const n = m + lower.values.length;
  const values = (index: number): number => (index < m ? upper.values[index] : lower.values[index - m]);
  const order = Array.from({ length: n }, (_, index) => index).sort((a, b) => values(a) - values(b));
  const rows = createMatrix(n, n);
  const z = new Float64Array(n);
  for (const [row, index] of order.entries()) {
    if (index < m) {
      rows.data.set(upper.vectors.data.subarray(index * m, (index + 1) * m), row * n);
      z[row] = upper.vectors.data[index * m + m - 1];
    } else {
      const from = (index - m) * (n - m);
      rows.data.set(lower.vectors.data.subarray(from, from + n - m), row * n + m);
      z[row] = sign * lower.vectors.data[from];
    }
  }
  const inFirst = Uint8Array.from(order, (index) => (index < m ? 1 : 0));
  const inSecond = inFirst.map((first) => 1 - first);
  return { d: Float64Array.from(order, values), z, rows, inFirst, inSecond };
}

/**
 * Finds eigenvalues that the update leaves alone: no weight, or (after a rotation) the same pole as the next. Returns the others,
 * their poles strictly ascending.
 */
function deflate({ d, z, rows, inFirst, inSecond }: Halves, rho: number): number[] {
  const n = d.length;
  let size = 0;
  for (let i = 0; i < n; i++) size = Math.max(size, Math.abs(d[i]), Math.abs(z[i]));
  const tolerance = 8 * Number.EPSILON * size;
  const kept: number[] = [];
  let previous = -1;
  for (let i = 0; i < n; i++) {
    if (rho * Math.abs(z[i]) <= tolerance) continue;
    if (previous >= 0) {
      const length = Math.hypot(z[i], z[previous]);
      const c = z[i] / length;
      const s = -z[previous] / length;
      const distance = d[i] - d[previous];
      if (Math.abs(distance * c * s) <= tolerance) {
        z[i] = length;
        z[previous] = 0;
        rotateRows(rows, previous, i, c, s);
        const moved = d[previous] * c * c + d[i] * s * s;
        d[i] = d[previous] * s * s + d[i] * c * c;
        d[previous] = moved;
        inFirst[i] |= inFirst[previous];
        inSecond[i] |= inSecond[previous];
        previous = i;
        continue;
      }
      kept.push(previous);
    }
    previous = i;
  }
  if (previous >= 0) kept.push(previous);
  return kept;
}

function rotateRows({ columns, data }: Matrix, first: number, second: number, c: number, s: number): void {
  const a = first * columns;
  const b = second * columns;
  for (let p = 0; p < columns; p++) {
    const x = data[a + p];
    const y = data[b + p];
    data[a + p] = c * x + s * y;
    data[b + p] = c * y - s * x;
  }
}

/** Eigenvectors of the wanted roots: of the update, zⱼ/(dⱼ − λ) normalized, times the rows of the halves; zeros are not multiplied. */
function combine(
  { rows, inFirst, inSecond }: Halves,
  kept: readonly number[],
  wanted: readonly number[],
  differences: Matrix,
  z: Float64Array,
  middle: number,
): Matrix {
  const n = rows.columns;
  const k = kept.length;
  const update = createMatrix(wanted.length, k);
  for (const [index, root] of wanted.entries()) {
    let squares = 0;
    for (let j = 0; j < k; j++) {
      const element = z[j] / differences.data[root * k + j];
      update.data[index * k + j] = element;
      squares += element * element;
    }
    const norm = Math.sqrt(squares);
    for (let j = 0; j < k; j++) update.data[index * k + j] /= norm;
  }
  const result = createMatrix(wanted.length, n);
  for (const [members, from, to] of [
    [inFirst, 0, middle],
    [inSecond, middle, n],
  ] as const) {
    const chosen = kept.flatMap((row, j) => (members[row] ? [j] : []));
    const left = createMatrix(wanted.length, chosen.length);
    const right = createMatrix(chosen.length, to - from);
    for (const [position, j] of chosen.entries()) {
      for (let i = 0; i < wanted.length; i++) left.data[i * chosen.length + position] = update.data[i * k + j];
      const start = kept[j] * n;
      right.data.set(rows.data.subarray(start + from, start + to), position * (to - from));
    }
    addDotTiles(
      { data: result.data, offset: from, stride: n },
      { data: left.data, offset: 0, stride: chosen.length },
      { data: transpose(right).data, offset: 0, stride: chosen.length },
      [wanted.length, to - from, chosen.length],
      1,
    );
  }
  return result;
}

function implicitQl(diagonal: Float64Array, offDiagonal: Float64Array): RowEigen {
  const n = diagonal.length;
  const vectors = createMatrix(n, n);
  for (let i = 0; i < n; i++) vectors.data[i * n + i] = 1;
  const d = diagonalize(diagonal, offDiagonal, vectors);
  const order = Array.from({ length: n }, (_, index) => index).sort((a, b) => d[a] - d[b]);
  const sorted = createMatrix(n, n);
  for (const [row, index] of order.entries())
    sorted.data.set(vectors.data.subarray(index * n, (index + 1) * n), row * n);
  return { values: Float64Array.from(order, (index) => d[index]), vectors: sorted };
}

/** Eigenvalues in no order; rows of `vectors` are rotated along. */
function diagonalize(diagonal: Float64Array, offDiagonal: Float64Array, vectors: Matrix | null): Float64Array {
  const n = diagonal.length;
  const d = diagonal.slice();
  const e = new Float64Array(n);
  e.set(offDiagonal);
  for (let l = 0; l < n; l++) {
    for (let iteration = 0; iteration < 100; iteration++) {
      let m = l;
      while (m < n - 1 && Math.abs(e[m]) > Number.EPSILON * (Math.abs(d[m]) + Math.abs(d[m + 1]))) m++;
      if (m === l) break;
      const ratio = (d[l + 1] - d[l]) / (2 * e[l]);
      let g = d[m] - d[l] + e[l] / (ratio + Math.sign(ratio || 1) * Math.hypot(ratio, 1));
      let s = 1;
      let c = 1;
      let p = 0;
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * e[i];
        const b = c * e[i];
        const length = Math.hypot(f, g);
        e[i + 1] = length;
        if (length === 0) {
          d[i + 1] -= p;
          e[m] = 0;
          break;
        }
        s = f / length;
        c = g / length;
        g = d[i + 1] - p;
        const rest = (d[i] - g) * s + 2 * c * b;
        p = s * rest;
        d[i + 1] = g + p;
        g = c * rest - b;
        if (vectors) rotateRows(vectors, i, i + 1, c, -s);
      }
      if (i >= l) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
  return d;
}
