// What roundings of a matrix lose of its outputs, measured on inputs that nothing was fitted to.
import { type Matrix, matrixFrom, multiplyByTransposed } from '../../numeric/index.js';

/** Rows of inputs [rows, K] as the original sees them, and as they are behind the weights that were quantized already. */
export interface HeldOutInputs {
  readonly original: Float32Array;
  readonly now: Float32Array;
}

/** Output channels that roundings are tried on. */
const triedColumns = 96;

/** Measures roundings of some columns, evenly spaced, of a matrix W [K, N]. */
export class HeldOutError {
  /** Of the columns that are tried. */
  readonly n: number;
  private readonly columns: Int32Array;
  private readonly allColumns: number;
  private readonly wanted: Matrix;
  private readonly power: number;
  private readonly now: Float32Array;

  constructor(weights: Float32Array, n: number, { original, now }: HeldOutInputs) {
    this.n = Math.min(n, triedColumns);
    this.allColumns = n;
    this.columns = Int32Array.from({ length: this.n }, (_, i) => Math.floor((i * n) / this.n));
    this.wanted = productOf(original, this.chosen(weights), this.n);
    this.power = this.wanted.data.reduce((sum, value) => sum + value * value, 0);
    this.now = now;
  }

  /** The tried columns of a matrix [K, N]. */
  chosen(weights: Float32Array): Float32Array {
    const { columns, allColumns } = this;
    const result = new Float32Array((weights.length / allColumns) * columns.length);
    let at = 0;
    for (let row = 0; row < weights.length; row += allColumns) {
      for (const column of columns) result[at++] = weights[row + column];
    }
    return result;
  }

  /** ‖X·W − X̂·Ŵ‖² over ‖X·W‖² for what was made of the tried columns. */
  of(decoded: Float32Array): number {
    const found = productOf(this.now, decoded, this.n).data;
    let error = 0;
    for (const [i, value] of this.wanted.data.entries()) error += (value - found[i]) ** 2;
    return this.power > 0 ? error / this.power : error;
  }
}

/** X·W [rows, n] of X [rows, K] and W [K, n]. */
function productOf(x: Float32Array, weights: Float32Array, n: number): Matrix {
  const k = weights.length / n;
  const turned = new Float64Array(weights.length);
  for (let row = 0; row < k; row++) {
    for (let column = 0; column < n; column++) turned[column * k + row] = weights[row * n + column];
  }
  return multiplyByTransposed(matrixFrom(x.length / k, k, x), matrixFrom(n, k, turned));
}
