// Symmetric matrices to tridiagonal form by Householder reflections in panels (LAPACK's dsytrd): within a panel only the next column is
// brought up to date, and the rest of the matrix is updated once per panel by products.
import { addDotTiles } from './dot-tiles.js';
import { copyMatrix, createMatrix, type Matrix } from './matrix.js';
import { applyBlock, makeReflector, triangleOf } from './qr.js';

export interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Elements beside the diagonal; one less. */
  readonly offDiagonal: Float64Array;
  /** Replaces each row x of `vectors`, given in the basis of the tridiagonal matrix, by the same vector in the basis of A. */
  transformBack(vectors: Matrix): void;
}

const block = 32;

/** Only the lower triangle of A is read. */
export function tridiagonalize(symmetric: Matrix): Tridiagonal {
  const n = symmetric.rows;
  const a = copyMatrix(symmetric);
  const { data } = a;
  const diagonal = new Float64Array(n);
  const offDiagonal = new Float64Array(Math.max(n - 1, 0));
  const scales = new Float64Array(n);
  /** Reflector j, with its one at element j + 1, in row j. */
  const reflectors = createMatrix(Math.max(n - 1, 0), n);
  for (let from = 0; from < n; from += block) {
    const to = Math.min(from + block, n);
    const width = to - from;
    // Rows p of v and w are A's pending update −Σ (v·wᵀ + w·vᵀ), element by element side by side.
    const v = new Float64Array(n * width);
    const w = new Float64Array(n * width);
    for (let j = from; j < to; j++) {
      const done = j - from;
      const column = columnOf(data, n, j);
      for (let i = j; i < n; i++) {
        let sum = 0;
        for (let p = 0; p < done; p++) {
          sum += v[i * width + p] * w[j * width + p] + w[i * width + p] * v[j * width + p];
        }
        column[i] -= sum;
      }
      diagonal[j] = column[j];
      if (j === n - 1) break;
      const scale = makeReflector(column, j + 1, n - j - 1);
      offDiagonal[j] = column[j + 1];
      scales[j] = scale;
      column[j + 1] = 1;
      column.fill(0, 0, j + 1);
      reflectors.data.set(column, j * n);
      const product = multiplySymmetric(data, n, column, j + 1);
      for (let p = 0; p < done; p++) {
        let alongW = 0;
        let alongV = 0;
        for (let i = j + 1; i < n; i++) {
          alongW += w[i * width + p] * column[i];
          alongV += v[i * width + p] * column[i];
        }
        for (let i = j + 1; i < n; i++) product[i] -= v[i * width + p] * alongW + w[i * width + p] * alongV;
      }
      let dot = 0;
      for (let i = j + 1; i < n; i++) dot += product[i] * column[i];
      const half = (scale * scale * dot) / 2;
      for (let i = j + 1; i < n; i++) {
        v[i * width + done] = column[i];
        w[i * width + done] = scale * product[i] - half * column[i];
      }
    }
    const rest = n - to;
    const trailing = { data, offset: to * n + to, stride: n };
    const vPart = { data: v, offset: to * width, stride: width };
    const wPart = { data: w, offset: to * width, stride: width };
    addDotTiles(trailing, vPart, wPart, [rest, rest, width], -1, true);
    addDotTiles(trailing, wPart, vPart, [rest, rest, width], -1, true);
  }
  return { diagonal, offDiagonal, transformBack: (vectors) => transformBack(vectors, reflectors, scales) };
}

function columnOf(data: Float64Array, n: number, j: number): Float64Array {
  const column = new Float64Array(n);
  for (let i = j; i < n; i++) column[i] = data[i * n + j];
  return column;
}

/** A·x for the rows and columns from `start` on, of which the lower triangle is stored; x is zero before. */
function multiplySymmetric(data: Float64Array, n: number, x: Float64Array, start: number): Float64Array {
  const y = new Float64Array(n);
  let i = start;
  // Two rows at a time: half the reads and writes of y.
  for (; i + 1 < n; i += 2) {
    const row = i * n;
    const next = row + n;
    const xi = x[i];
    const xn = x[i + 1];
    let sum = 0;
    let sumNext = 0;
    for (let j = start; j < i; j++) {
      const a = data[row + j];
      const b = data[next + j];
      const xj = x[j];
      sum += a * xj;
      sumNext += b * xj;
      y[j] += a * xi + b * xn;
    }
    const between = data[next + i];
    y[i] += sum + data[row + i] * xi + between * xn;
    y[i + 1] += sumNext + between * xi + data[next + i + 1] * xn;
  }
  if (i < n) {
    const row = i * n;
    let sum = 0;
    for (let j = start; j < i; j++) {
      sum += data[row + j] * x[j];
      y[j] += data[row + j] * x[i];
    }
    y[i] += sum + data[row + i] * x[i];
  }
  return y;
}

/** Q·x = H₀·H₁·…·x, the last block first. */
function transformBack(vectors: Matrix, reflectors: Matrix, scales: Float64Array): void {
  const n = vectors.columns;
  const count = reflectors.rows;
  for (let from = Math.floor(Math.max(count - 1, 0) / block) * block; from >= 0; from -= block) {
    const to = Math.min(from + block, count);
    if (to <= from) continue;
    const start = from + 1;
    const v = createMatrix(to - from, n - start);
    for (let row = from; row < to; row++) {
      v.data.set(reflectors.data.subarray(row * n + start, (row + 1) * n), (row - from) * (n - start));
    }
    applyBlock(vectors, 0, vectors.rows, { from: start, v, t: triangleOf(v, scales.subarray(from, to)) }, false);
  }
}
