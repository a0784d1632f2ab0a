// The largest eigenvalues of a large symmetric matrix and their vectors: randomized subspace iteration (Halko, Martinsson & Tropp 2011) with
// Chebyshev polynomials of the matrix in place of its powers (Zhou, Saad, Tiago & Chelikowsky 2006), Rayleigh–Ritz between them, and
// pairs set aside once they have converged. Nearly all of it is products of matrices, and it ends when the result does not change any more.
import type { Random } from '../random.js';
import { factorCholesky } from './cholesky.js';
import { columnsOf, copyMatrix, createMatrix, type Matrix, scaleColumns, transpose } from './matrix.js';
import { multiply } from './product.js';
import { factorQr } from './qr.js';
import { type SymmetricEigen, symmetricEigen } from './symmetric-eigen.js';
import { invertLower } from './triangular.js';

/** A · B, wherever it is fastest. */
export type MultiplyMatrices = (a: Matrix, b: Matrix) => Promise<Matrix>;

export interface LeadingOptions {
  readonly random: Random;
  /** Default: in this thread. */
  readonly multiply?: MultiplyMatrices;
  /** All eigenvalues and vectors of a matrix as wide as what is wanted; default: in this thread. */
  readonly eigen?: (symmetric: Matrix) => Promise<SymmetricEigen>;
  /** Ends when one more round wins less than this share of what is left over, and moves no root of an eigenvalue by more of the largest; default 1e-6. */
  readonly tolerance?: number;
  /** Asked before each product; throws to stop. */
  readonly check?: () => void;
}

const mostRounds = 40;
/** A polynomial that amplified one vector this much more than another would drown the other in rounding. */
const mostAmplification = 1e8;
const mostDegree = 10;
/** Relative to the largest eigenvalue: a pair that leaves less behind has converged. */
const convergedResidual = 1e-13;

/** Columns beyond the rank, which carry the ones before. */
function widthFor(count: number, size: number): number {
  return Math.min(size, count + Math.max(16, Math.ceil(count / 4)));
}

/**
 * Of a positive semidefinite matrix, `count` at most. Where they are a large part of all, everything is decomposed.
 * @throws RangeError unless the matrix is square and finite.
 */
export async function leadingEigen(a: Matrix, count: number, options: LeadingOptions): Promise<SymmetricEigen> {
  const width = widthFor(count, a.rows);
  if (2 * width < a.rows && a.rows === a.columns && a.data.every(Number.isFinite)) {
    return new SubspaceIteration(a, count, width, options).run();
  }
  const { values, vectors } = (await options.eigen?.(a)) ?? symmetricEigen(a, count);
  return { values: values.slice(0, count), vectors: columnsOf(vectors, 0, Math.min(count, vectors.columns)) };
}

/** Ritz pairs: orthonormal columns V, descending values, and A·V. */
interface RitzPairs extends SymmetricEigen {
  readonly images: Matrix;
}

class SubspaceIteration {
  private readonly a: Matrix;
  private readonly count: number;
  private readonly width: number;
  private readonly trace: number;
  private readonly options: Required<Omit<LeadingOptions, 'check'>>;
  private locked: SymmetricEigen;
  private active: RitzPairs | null = null;

  constructor(a: Matrix, count: number, width: number, given: LeadingOptions) {
    const product = given.multiply ?? (async (left: Matrix, right: Matrix) => multiply(left, right));
    this.a = a;
    this.count = count;
    this.options = {
      random: given.random,
      tolerance: given.tolerance ?? 1e-6,
      eigen: given.eigen ?? (async (symmetric: Matrix) => symmetricEigen(symmetric)),
      multiply: async (left, right) => {
        given.check?.();
        return product(left, right);
      },
    };
    let trace = 0;
    for (let i = 0; i < a.rows; i++) trace += a.data[i * (a.rows + 1)];
    this.trace = trace;
    this.locked = { values: new Float64Array(0), vectors: createMatrix(a.rows, 0) };
    this.width = width;
  }

  async run(): Promise<SymmetricEigen> {
    const { random } = this.options;
    const start = createMatrix(this.a.rows, this.width);
    for (let i = 0; i < start.data.length; i++) start.data[i] = random.normal();
    this.active = await this.ritz(await this.options.multiply(this.a, start));
    let found = this.leading();
    for (let round = 0; round < mostRounds; round++) {
      this.lock();
      const filtered = this.locked.values.length < this.count ? await this.filter() : null;
      if (filtered === null) break;
      this.active = await this.ritz(filtered);
      const before = found;
      found = this.leading();
      if (this.hasConverged(before, found)) break;
    }
    return this.result();
  }

  /** The largest values, locked ones first. */
  private leading(): Float64Array {
    const all = Float64Array.from([...this.locked.values, ...this.active!.values]).sort();
    return all.reverse().slice(0, this.count);
  }

  private hasConverged(before: Float64Array, now: Float64Array): boolean {
    const { tolerance } = this.options;
    const largest = Math.sqrt(Math.max(now[0], 0));
    let won = 0;
    let kept = 0;
    for (const [index, value] of now.entries()) {
      const change = Math.sqrt(Math.max(value, 0)) - Math.sqrt(Math.max(before[index], 0));
      if (Math.abs(change) > tolerance * largest) return false;
      won += value - before[index];
      kept += value;
    }
    return won <= tolerance * Math.max(this.trace - kept, tolerance * this.trace);
  }

  /** Sets aside what has converged, from the largest on. */
  private lock(): void {
    const { values, vectors, images } = this.active!;
    const limit = convergedResidual * Math.max(this.locked.values[0] ?? 0, values[0]);
    let ready = 0;
    while (ready < values.length && residual(values[ready], vectors, images, ready) <= limit) ready++;
    if (ready === 0) return;
    const rest = (matrix: Matrix): Matrix => columnsOf(matrix, ready, matrix.columns);
    this.locked = {
      values: Float64Array.from([...this.locked.values, ...values.subarray(0, ready)]),
      vectors: beside(this.locked.vectors, columnsOf(vectors, 0, ready)),
    };
    this.active = { values: values.slice(ready), vectors: rest(vectors), images: rest(images) };
  }

  /** p(A)·V for the Chebyshev polynomial p that stays small up to the smallest Ritz value; null where nothing is left to be found. */
  private async filter(): Promise<Matrix | null> {
    const { values, vectors, images } = this.active!;
    const cut = values.at(-1) ?? 0;
    const largest = Math.max(this.locked.values[0] ?? 0, values[0] ?? 0);
    if (!(cut > 1e-15 * largest)) return null;
    const half = cut / 2;
    const top = Math.max((values[0] - half) / half, 1);
    const growth = Math.log(top + Math.sqrt(top * top - 1));
    const degree = Math.max(1, Math.min(mostDegree, Math.floor(Math.log(mostAmplification) / growth)));
    let before = vectors;
    let now = combined(images, 1 / half, vectors, -1, null, 0);
    for (let step = 1; step < degree; step++) {
      const image = await this.withoutLocked(await this.options.multiply(this.a, now));
      const next = combined(image, 2 / half, now, -2, before, -1);
      before = now;
      now = next;
    }
    return now;
  }

  private async withoutLocked(x: Matrix): Promise<Matrix> {
    const { vectors } = this.locked;
    if (vectors.columns === 0) return x;
    const { multiply: product } = this.options;
    const along = await product(vectors, await product(transpose(vectors), x));
    return combined(x, 1, along, -1, null, 0);
  }

  private async ritz(span: Matrix): Promise<RitzPairs> {
    const { multiply: product, eigen } = this.options;
    const q = await this.orthonormalized(span);
    const images = await product(this.a, q);
    const { values, vectors } = await eigen(await product(transpose(q), images));
    return { values, vectors: await product(q, vectors), images: await product(images, vectors) };
  }

  /** Twice by the Cholesky factor of the Gram matrix, which is products only; by reflections where that does not exist. */
  private async orthonormalized(span: Matrix): Promise<Matrix> {
    const { multiply: product } = this.options;
    let q = span;
    for (let pass = 0; pass < 2; pass++) {
      q = await this.withoutLocked(q);
      normalizeColumns(q);
      const gram = await product(transpose(q), q);
      if (factorCholesky(gram) !== null) return factorQr(await this.withoutLocked(q)).q;
      q = await product(q, transpose(invertLower(gram)));
    }
    return q;
  }

  private result(): SymmetricEigen {
    const { values, vectors } = this.active!;
    const all = beside(this.locked.vectors, vectors);
    const allValues = [...this.locked.values, ...values];
    const order = allValues.map((_, index) => index).sort((x, y) => allValues[y] - allValues[x]);
    const wanted = order.slice(0, this.count);
    const result = createMatrix(all.rows, wanted.length);
    for (let row = 0; row < all.rows; row++) {
      for (const [column, index] of wanted.entries()) {
        result.data[row * wanted.length + column] = all.data[row * all.columns + index];
      }
    }
    return { values: Float64Array.from(wanted, (index) => allValues[index]), vectors: result };
  }
}

/** ‖A·v − value·v‖ of one column. */
function residual(value: number, { rows, columns, data }: Matrix, images: Matrix, column: number): number {
  let squares = 0;
  for (let i = column; i < rows * columns; i += columns) squares += (images.data[i] - value * data[i]) ** 2;
  return Math.sqrt(squares);
}

/** α·X + β·Y (+ γ·Z). */
function combined(x: Matrix, alpha: number, y: Matrix, beta: number, z: Matrix | null, gamma: number): Matrix {
  const result = copyMatrix(x);
  const { data } = result;
  for (let i = 0; i < data.length; i++) data[i] = alpha * data[i] + beta * y.data[i];
  if (z) for (let i = 0; i < data.length; i++) data[i] += gamma * z.data[i];
  return result;
}

function beside(left: Matrix, right: Matrix): Matrix {
  const columns = left.columns + right.columns;
  const result = createMatrix(right.rows, columns);
  for (let row = 0; row < right.rows; row++) {
    result.data.set(left.data.subarray(row * left.columns, (row + 1) * left.columns), row * columns);
    const own = right.data.subarray(row * right.columns, (row + 1) * right.columns);
    result.data.set(own, row * columns + left.columns);
  }
  return result;
}

function normalizeColumns(matrix: Matrix): void {
  const { rows, columns, data } = matrix;
  const squares = new Float64Array(columns);
  for (let i = 0; i < rows * columns; i++) squares[i % columns] += data[i] * data[i];
  scaleColumns(
    matrix,
    squares.map((square) => (square > 0 ? 1 / Math.sqrt(square) : 0)),
  );
}
