// Householder QR in blocks of reflectors (compact WY representation, Schreiber & Van Loan 1989; LAPACK's dgeqrf and dorgqr).
import { addDotTiles } from './dot-tiles.js';
import { createMatrix, type Matrix, transpose } from './matrix.js';

export interface QrFactors {
  /** Orthonormal columns, rows × min(rows, columns). */
  readonly q: Matrix;
  /** Upper triangular, min(rows, columns) × columns. */
  readonly r: Matrix;
}

const block = 32;

/** A = Q·R, thin. Columns that depend on others still get an orthonormal column of Q. */
export function factorQr(a: Matrix): QrFactors {
  const { rows: m, columns: n } = a;
  const size = Math.min(m, n);
  // Columns as rows: reflectors lie along memory.
  const turned = transpose(a);
  const scales = new Float64Array(size);
  const blocks: BlockReflector[] = [];
  for (let from = 0; from < size; from += block) {
    const to = Math.min(from + block, size);
    for (let j = from; j < to; j++) {
      scales[j] = makeReflector(turned.data, j * m + j, m - j);
      for (let other = j + 1; other < to; other++) {
        applyReflector(turned.data, j * m + j, scales[j], other * m + j, m - j);
      }
    }
    const reflector = collect(turned, scales, from, to);
    blocks.push(reflector);
    applyBlock(turned, to, n, reflector, true);
  }
  const r = createMatrix(size, n);
  for (let j = 0; j < n; j++) {
    for (let i = 0; i <= Math.min(j, size - 1); i++) r.data[i * n + j] = turned.data[j * m + i];
  }
  const q = createMatrix(size, m);
  for (let i = 0; i < size; i++) q.data[i * m + i] = 1;
  for (const reflector of blocks.reverse()) applyBlock(q, reflector.from, size, reflector, false);
  return { q: transpose(q), r };
}

/** H = I − V·T·Vᵀ for the reflectors of columns [from, from + T.rows), which are zero before element `from`. */
interface BlockReflector {
  readonly from: number;
  /** One reflector per row, from element `from` on. */
  readonly v: Matrix;
  readonly t: Matrix;
}

/**
 * Turns x into the reflector v (v₀ = 1) with (I − scale·v·vᵀ)·x = β·e₀; stores β in place of x₀ and the rest of v behind it.
 * Returns the scale, 0 where nothing must be reflected.
 */
export function makeReflector(x: Float64Array, start: number, length: number): number {
  const end = start + length;
  let largest = 0;
  for (let i = start + 1; i < end; i++) largest = Math.max(largest, Math.abs(x[i]));
  if (largest === 0) return 0;
  const unit = Math.max(largest, Math.abs(x[start]));
  let squares = 0;
  for (let i = start; i < end; i++) squares += (x[i] / unit) ** 2;
  const norm = unit * Math.sqrt(squares);
  const beta = x[start] > 0 ? -norm : norm;
  const first = x[start] - beta;
  for (let i = start + 1; i < end; i++) x[i] /= first;
  x[start] = beta;
  return -first / beta;
}

function applyReflector(data: Float64Array, v: number, scale: number, x: number, length: number): void {
  if (scale === 0) return;
  let dot = data[x];
  for (let i = 1; i < length; i++) dot += data[v + i] * data[x + i];
  dot *= scale;
  data[x] -= dot;
  for (let i = 1; i < length; i++) data[x + i] -= dot * data[v + i];
}

function collect(turned: Matrix, scales: Float64Array, from: number, to: number): BlockReflector {
  const length = turned.columns - from;
  const v = createMatrix(to - from, length);
  for (let row = 0; row < v.rows; row++) {
    const start = (from + row) * turned.columns + from;
    v.data.set(turned.data.subarray(start + row + 1, start + length), row * length + row + 1);
    v.data[row * length + row] = 1;
  }
  return { from, v, t: triangleOf(v, scales.subarray(from, to)) };
}

/** T of I − V·T·Vᵀ = H₀·H₁·…, with Hᵢ = I − scaleᵢ·vᵢ·vᵢᵀ; the vᵢ are rows. Upper triangular. */
export function triangleOf(v: Matrix, scales: Float64Array): Matrix {
  const size = v.rows;
  const t = createMatrix(size, size);
  for (let j = 0; j < size; j++) {
    t.data[j * size + j] = scales[j];
    const dots = new Float64Array(j);
    for (let i = 0; i < j; i++) {
      let dot = 0;
      for (let p = 0; p < v.columns; p++) dot += v.data[i * v.columns + p] * v.data[j * v.columns + p];
      dots[i] = dot;
    }
    for (let i = 0; i < j; i++) {
      let sum = 0;
      for (let p = i; p < j; p++) sum += t.data[i * size + p] * dots[p];
      t.data[i * size + j] = -scales[j] * sum;
    }
  }
  return t;
}

/** Applies Hᵀ (`inverse`) or H to the rows [first, last) of `x`, each a vector. */
export function applyBlock(
  x: Matrix,
  first: number,
  last: number,
  { from, v, t }: BlockReflector,
  inverse: boolean,
): void {
  const count = last - first;
  if (count <= 0) return;
  const part = { data: x.data, offset: first * x.columns + from, stride: x.columns };
  const rows = { data: v.data, offset: 0, stride: v.columns };
  const projected = createMatrix(count, v.rows);
  const projectedPart = { data: projected.data, offset: 0, stride: v.rows };
  addDotTiles(projectedPart, part, rows, [count, v.rows, v.columns], 1);
  // H·x = x − V·T·(Vᵀ·x); rows of `projected` are (Vᵀ·x)ᵀ, to be multiplied by Tᵀ from the right, or by T for Hᵀ.
  const triangle = inverse ? transpose(t) : t;
  const weighted = createMatrix(count, v.rows);
  addDotTiles(
    { data: weighted.data, offset: 0, stride: v.rows },
    projectedPart,
    { data: triangle.data, offset: 0, stride: v.rows },
    [count, v.rows, v.rows],
    1,
  );
  const columns = transpose(v);
  addDotTiles(
    part,
    { data: weighted.data, offset: 0, stride: v.rows },
    { data: columns.data, offset: 0, stride: v.rows },
    [count, v.columns, v.rows],
    -1,
  );
}
