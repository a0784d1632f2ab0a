// First and second moments of the patches under a convolution's kernel, for all convolutions of a model at once: half a matrix in float32 each, as
// rounding needs no more digits than its damping leaves.
import type { LinearOperator } from '../../../src/analysis/index.js';
import { type Observer, operatorRows, type RowSampling } from '../../../src/calibration/index.js';
import type { MatrixProducts } from '../../../src/engine/index.js';
import type { Tensor } from '../../../src/tensor/index.js';

/** Patches that are multiplied at once. */
const blockRows = 128;

/** Of convolutions of one group; call `finish` after the last sample. */
export class PatchGram implements Observer {
  /** Patches so far, by what they count. */
  count = 0;
  private readonly operator: LinearOperator;
  private readonly sampling: RowSampling;
  private readonly products: MatrixProducts;
  private readonly sum: Float64Array;
  /** Lower triangle of Σxxᵀ, row by row. */
  private readonly gram: Float32Array;
  private readonly rows: Float32Array;
  /** Square root of what the patch of each row counts. */
  private readonly roots: Float32Array;
  /** Elements of `rows` that are in use. */
  private filled = 0;
  private weighed = false;

  constructor(operator: LinearOperator, sampling: RowSampling, products: MatrixProducts) {
    const { rowLength } = operator;
    this.operator = operator;
    this.sampling = sampling;
    this.products = products;
    this.sum = new Float64Array(rowLength);
    this.gram = new Float32Array((rowLength * (rowLength + 1)) / 2);
    this.rows = new Float32Array(blockRows * rowLength);
    this.roots = new Float32Array(blockRows);
  }

  static byteLength(rowLength: number): number {
    return 4 * ((rowLength * (rowLength + 1)) / 2 + blockRows * rowLength);
  }

  /** @param counts what each place counts; without: all 1. */
  async observe(tensor: Tensor, counts: Float32Array | null = null): Promise<void> {
    const { rowLength } = this.operator;
    for (const { rows, positions } of operatorRows(this.operator, tensor, this.sampling)) {
      for (let start = 0; start < rows.length; ) {
        const part = rows.subarray(start, start + this.rows.length - this.filled);
        this.rows.set(part, this.filled);
        for (let at = 0; at < part.length; at += rowLength) {
          const row = (start + at) / rowLength;
          this.roots[(this.filled + at) / rowLength] = counts ? Math.sqrt(counts[positions ? positions[row] : row]) : 1;
        }
        this.filled += part.length;
        start += part.length;
        if (this.filled === this.rows.length) await this.addBlock(counts !== null);
      }
    }
    this.weighed ||= counts !== null;
  }

  async finish(): Promise<void> {
    if (this.filled > 0) await this.addBlock(this.weighed);
  }

  /** One, of the only group. */
  get means(): Float64Array[] {
    return [this.sum.map((sum) => sum / this.count)];
  }

  /** [rowLength, rowLength], row-major, of the only group. */
  get covariances(): Float64Array[] {
    const [means] = this.means;
    const columns = means.length;
    const covariance = new Float64Array(columns * columns);
    for (let i = 0, at = 0; i < columns; i++) {
      for (let j = 0; j <= i; j++, at++) {
        const value = this.gram[at] / this.count - means[i] * means[j];
        covariance[i * columns + j] = value;
        covariance[j * columns + i] = value;
      }
    }
    return [covariance];
  }

  private async addBlock(weighed: boolean): Promise<void> {
    const { rowLength: columns } = this.operator;
    const { gram, sum, roots } = this;
    const rows = this.rows.subarray(0, this.filled);
    if (weighed) for (let at = 0; at < rows.length; at++) rows[at] *= roots[Math.floor(at / columns)];
    const product = await this.products.gram(rows, columns);
    for (let i = 0, at = 0; i < columns; i++) {
      for (let j = 0, from = i * columns; j <= i; j++, at++, from++) gram[at] += product[from];
    }
    for (let start = 0, row = 0; start < rows.length; start += columns, row++) {
      const root = roots[row];
      for (let i = 0; i < columns; i++) sum[i] += root * rows[start + i];
      this.count += root * root;
    }
    this.filled = 0;
  }
}
