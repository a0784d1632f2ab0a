// Matrix products in float64, and sums of outer products of float32 rows.
import { addDotTiles, type Part } from './dot-tiles.js';
import { createMatrix, type Matrix, transpose } from './matrix.js';

/** A · B. @throws RangeError when A has not as many columns as B has rows. */
export function multiply(a: Matrix, b: Matrix): Matrix {
  return multiplyByTransposed(a, transpose(b));
}

/** A · Bᵀ: the fastest form. @throws RangeError when A and B have different numbers of columns. */
export function multiplyByTransposed(a: Matrix, b: Matrix): Matrix {
  if (a.columns !== b.columns) throw shapeError(a, b);
  const result = createMatrix(a.rows, b.rows);
  addDotTiles(whole(result), whole(a), whole(b), [a.rows, b.rows, a.columns], 1);
  return result;
}

/** Aᵀ · B. @throws RangeError when A and B have different numbers of rows. */
export function multiplyTransposed(a: Matrix, b: Matrix): Matrix {
  return multiplyByTransposed(transpose(a), transpose(b));
}

/** A · Aᵀ, at half the cost of a product. */
export function gramOfRows(a: Matrix): Matrix {
  const result = createMatrix(a.rows, a.rows);
  addDotTiles(whole(result), whole(a), whole(a), [a.rows, a.rows, a.columns], 1, true);
  mirrorLower(result);
  return result;
}

/** Aᵀ · A, at half the cost of a product. */
export function gramOfColumns(a: Matrix): Matrix {
  return gramOfRows(transpose(a));
}

/**
 * gram += Xᵀ·X for `rows` of X stored one after the other, each as long as gram has columns. Sums are float64; X is taken in pieces.
 * @throws RangeError unless gram is square and `rows` is a whole number of them.
 */
export function addGram(gram: Matrix, rows: Float32Array | Float64Array): void {
  const { columns } = gram;
  if (gram.rows !== columns || (columns === 0 ? rows.length > 0 : rows.length % columns !== 0)) {
    throw new RangeError(`${rows.length} elements for a Gram matrix of ${gram.rows} rows and ${columns} columns`);
  }
  const count = columns === 0 ? 0 : rows.length / columns;
  const piece = 512;
  for (let from = 0; from < count; from += piece) {
    const length = Math.min(piece, count - from);
    const turned = new Float64Array(columns * length);
    for (let row = 0; row < length; row++) {
      const start = (from + row) * columns;
      for (let column = 0; column < columns; column++) turned[column * length + row] = rows[start + column];
    }
    const part = { data: turned, offset: 0, stride: length };
    addDotTiles(whole(gram), part, part, [columns, columns, length], 1, true);
  }
  mirrorLower(gram);
}

/** Makes a matrix symmetric by its lower triangle, in place. */
export function mirrorLower({ rows, columns, data }: Matrix): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < i; j++) data[j * columns + i] = data[i * columns + j];
  }
}

/** All of `matrix` as operand of `addDotTiles`. */
export function whole({ data, columns }: Matrix): Part {
  return { data, offset: 0, stride: columns };
}

function shapeError(a: Matrix, b: Matrix): RangeError {
  return new RangeError(`matrices of ${a.rows}×${a.columns} and ${b.rows}×${b.columns} cannot be multiplied`);
}
