// Dense matrices in float64, row-major.

export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  /** Element (i, j) is data[i · columns + j]. */
  readonly data: Float64Array;
}

/** Zeros, or `data` as it is. @throws RangeError when `data` has another length. */
export function createMatrix(rows: number, columns: number, data = new Float64Array(rows * columns)): Matrix {
  if (data.length !== rows * columns) {
    throw new RangeError(`${data.length} elements for a matrix of ${rows} rows and ${columns} columns`);
  }
  return { rows, columns, data };
}

/** A matrix of the elements of any array, row by row. @throws RangeError when there are too few or too many. */
export function matrixFrom(rows: number, columns: number, elements: ArrayLike<number>): Matrix {
  return createMatrix(rows, columns, Float64Array.from(elements));
}

export function copyMatrix({ rows, columns, data }: Matrix): Matrix {
  return { rows, columns, data: data.slice() };
}

export function identityMatrix(size: number): Matrix {
  const result = createMatrix(size, size);
  for (let i = 0; i < size; i++) result.data[i * size + i] = 1;
  return result;
}

/** Rows and columns exchanged, in tiles that stay in the cache. */
export function transpose({ rows, columns, data }: Matrix): Matrix {
  const result = createMatrix(columns, rows);
  const tile = 32;
  for (let top = 0; top < rows; top += tile) {
    const bottom = Math.min(top + tile, rows);
    for (let left = 0; left < columns; left += tile) {
      const right = Math.min(left + tile, columns);
      for (let j = left; j < right; j++) {
        for (let i = top; i < bottom; i++) result.data[j * rows + i] = data[i * columns + j];
      }
    }
  }
  return result;
}

/** The columns [from, to) as a matrix of their own. @throws RangeError when there are not as many. */
export function columnsOf({ rows, columns, data }: Matrix, from: number, to: number): Matrix {
  if (from < 0 || to > columns) throw new RangeError(`columns ${from} to ${to} of a matrix that has ${columns}`);
  const result = createMatrix(rows, to - from);
  for (let i = 0; i < rows; i++) {
    result.data.set(data.subarray(i * columns + from, i * columns + to), i * (to - from));
  }
  return result;
}

/** The rows [from, to); shares memory with the matrix. @throws RangeError when there are not as many. */
export function rowsOf({ rows, columns, data }: Matrix, from: number, to: number): Matrix {
  if (from < 0 || to > rows) throw new RangeError(`rows ${from} to ${to} of a matrix that has ${rows}`);
  return { rows: to - from, columns, data: data.subarray(from * columns, to * columns) };
}

/** Multiplies each column j by factors[j], in place. */
export function scaleColumns({ rows, columns, data }: Matrix, factors: ArrayLike<number>): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) data[i * columns + j] *= factors[j];
  }
}

/** Multiplies each row i by factors[i], in place. */
export function scaleRows({ rows, columns, data }: Matrix, factors: ArrayLike<number>): void {
  for (let i = 0; i < rows; i++) {
    const factor = factors[i];
    for (let index = i * columns; index < (i + 1) * columns; index++) data[index] *= factor;
  }
}

/** √Σ a². */
export function frobeniusNorm({ data }: Matrix): number {
  let sum = 0;
  for (const value of data) sum += value * value;
  return Math.sqrt(sum);
}

/** Mean of the diagonal; what damping is measured by. 0 for an empty matrix. */
export function meanDiagonal({ rows, columns, data }: Matrix): number {
  let sum = 0;
  for (let i = 0; i < rows; i++) sum += data[i * (columns + 1)];
  return rows === 0 ? 0 : sum / rows;
}

/** Adds `value` to the diagonal, in place. */
export function addToDiagonal({ rows, columns, data }: Matrix, value: number): void {
  for (let i = 0; i < rows; i++) data[i * (columns + 1)] += value;
}
