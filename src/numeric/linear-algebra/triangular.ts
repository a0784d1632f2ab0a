// Triangular systems with many right-hand sides, in blocks: the diagonal blocks by substitution, everything else as products.
import { addDotTiles } from './dot-tiles.js';
import { createMatrix, type Matrix, transpose } from './matrix.js';

const block = 64;

/** Replaces B by L⁻¹·B; only the lower triangle of L is read. @throws RangeError when shapes do not fit. */
export function solveLower(l: Matrix, b: Matrix): void {
  checkShapes(l, b);
  const { rows: n, data } = l;
  const width = b.columns;
  for (let from = 0; from < n; from += block) {
    const to = Math.min(from + block, n);
    for (let i = from; i < to; i++) {
      for (let j = from; j < i; j++) subtractRow(b, i, j, data[i * n + j]);
      divideRow(b, i, data[i * n + i]);
    }
    const solved = transposedRows(b, from, to);
    addDotTiles(
      { data: b.data, offset: to * width, stride: width },
      { data, offset: to * n + from, stride: n },
      { data: solved.data, offset: 0, stride: to - from },
      [n - to, width, to - from],
      -1,
    );
  }
}

/** Replaces B by L⁻ᵀ·B; only the lower triangle of L is read. @throws RangeError when shapes do not fit. */
export function solveLowerTransposed(l: Matrix, b: Matrix): void {
  checkShapes(l, b);
  solveUpper(transpose(l), b);
}

/** Replaces B by U⁻¹·B; only the upper triangle of U is read. @throws RangeError when shapes do not fit. */
export function solveUpper(u: Matrix, b: Matrix): void {
  checkShapes(u, b);
  const { rows: n, data } = u;
  const width = b.columns;
  for (let to = n; to > 0; to -= block) {
    const from = Math.max(to - block, 0);
    for (let i = to - 1; i >= from; i--) {
      for (let j = i + 1; j < to; j++) subtractRow(b, i, j, data[i * n + j]);
      divideRow(b, i, data[i * n + i]);
    }
    const solved = transposedRows(b, from, to);
    addDotTiles(
      { data: b.data, offset: 0, stride: width },
      { data, offset: from, stride: n },
      { data: solved.data, offset: 0, stride: to - from },
      [from, width, to - from],
      -1,
    );
  }
}

/** L⁻¹, lower triangular: halves are inverted, and meet in −L₂₂⁻¹·L₂₁·L₁₁⁻¹. */
export function invertLower(l: Matrix): Matrix {
  const n = l.rows;
  const result = createMatrix(n, n);
  invertRange(l, result, 0, n);
  return result;
}

function invertRange(l: Matrix, x: Matrix, from: number, to: number): void {
  const n = l.rows;
  if (to - from <= block) {
    for (let i = from; i < to; i++) {
      x.data[i * n + i] = 1;
      for (let j = from; j < i; j++) {
        const factor = l.data[i * n + j];
        for (let p = from; p <= j; p++) x.data[i * n + p] -= factor * x.data[j * n + p];
      }
      const pivot = l.data[i * n + i];
      for (let p = from; p <= i; p++) x.data[i * n + p] /= pivot;
    }
    return;
  }
  const middle = from + Math.ceil((to - from) / 8) * 4;
  invertRange(l, x, from, middle);
  invertRange(l, x, middle, to);
  const upper = middle - from;
  const lower = to - middle;
  const first = transposedPart(x, [from, middle], [from, middle]);
  const between = new Float64Array(upper * lower);
  // The transposed of L₂₁·L₁₁⁻¹, so that the second product reads rows too.
  addDotTiles(
    { data: between, offset: 0, stride: lower },
    { data: first.data, offset: 0, stride: upper },
    { data: l.data, offset: middle * n + from, stride: n },
    [upper, lower, upper],
    1,
  );
  addDotTiles(
    { data: x.data, offset: middle * n + from, stride: n },
    { data: x.data, offset: middle * n + middle, stride: n },
    { data: between, offset: 0, stride: lower },
    [lower, upper, lower],
    -1,
  );
}

function subtractRow({ columns, data }: Matrix, target: number, source: number, factor: number): void {
  if (factor === 0) return;
  const to = target * columns;
  const from = source * columns;
  for (let p = 0; p < columns; p++) data[to + p] -= factor * data[from + p];
}

function divideRow({ columns, data }: Matrix, row: number, divisor: number): void {
  for (let p = row * columns; p < (row + 1) * columns; p++) data[p] /= divisor;
}

function transposedRows({ columns, data }: Matrix, from: number, to: number): Matrix {
  return transpose({ rows: to - from, columns, data: data.subarray(from * columns, to * columns) });
}

function transposedPart(
  { columns, data }: Matrix,
  rows: readonly [number, number],
  range: readonly [number, number],
): Matrix {
  const result = createMatrix(range[1] - range[0], rows[1] - rows[0]);
  for (let i = rows[0]; i < rows[1]; i++) {
    for (let j = range[0]; j < range[1]; j++) {
      result.data[(j - range[0]) * result.columns + i - rows[0]] = data[i * columns + j];
    }
  }
  return result;
}

function checkShapes(triangle: Matrix, b: Matrix): void {
  if (triangle.rows !== triangle.columns || triangle.rows !== b.rows) {
    throw new RangeError(`a triangle of ${triangle.rows}×${triangle.columns} for ${b.rows} right-hand rows`);
  }
}
