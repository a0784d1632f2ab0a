// Sums over rows that least squares, whitening and error compensation are made of: n, Σx, Σxxᵀ and, with targets t, Σt, Σxtᵀ, Σ|t|².
import type { MatrixProducts } from '../engine/index.js';
import { internalError } from '../errors.js';

/** Elements multiplied at once: sums within are float32, across float64. */
const blockElements = 1 << 19;
const mostRows = 4096;

export class SecondMoments {
  readonly columns: number;
  readonly targetColumns: number;
  /** Rows so far. */
  count = 0;
  /** Σx [columns]. */
  readonly sum: Float64Array;
  /** Σxxᵀ [columns, columns], row-major. */
  readonly gram: Float64Array;
  /** Σt [targetColumns]. */
  readonly targetSum: Float64Array;
  /** Σt² per target column. */
  readonly targetSquares: Float64Array;
  /** Σxtᵀ [columns, targetColumns], row-major. */
  readonly cross: Float64Array;
  private readonly products: MatrixProducts;
  private readonly blockRows: number;
  private readonly rows: Float32Array;
  private readonly targets: Float32Array;
  private buffered = 0;
  /** Whether the rows that come were added before. */
  private isRepeated = false;

  constructor(columns: number, products: MatrixProducts, targetColumns = 0) {
    this.columns = columns;
    this.targetColumns = targetColumns;
    this.products = products;
    this.sum = new Float64Array(columns);
    this.gram = new Float64Array(columns * columns);
    this.targetSum = new Float64Array(targetColumns);
    this.targetSquares = new Float64Array(targetColumns);
    this.cross = new Float64Array(columns * targetColumns);
    this.blockRows = Math.min(mostRows, Math.max(64, Math.floor(blockElements / Math.max(columns, targetColumns))));
    this.rows = new Float32Array(this.blockRows * columns);
    this.targets = new Float32Array(this.blockRows * targetColumns);
  }

  /** Adds rows [n, columns] and, where there are targets, [n, targetColumns], row-major. */
  async add(rows: Float32Array, targets: Float32Array = new Float32Array(0)): Promise<void> {
    const { columns, targetColumns } = this;
    const total = rows.length / columns;
    if (!Number.isInteger(total) || targets.length !== total * targetColumns) {
      throw internalError(
        `${rows.length} elements in rows of ${columns} with ${targets.length} in targets of ${targetColumns}`,
      );
    }
    for (let done = 0; done < total; ) {
      const taken = Math.min(total - done, this.blockRows - this.buffered);
      this.rows.set(rows.subarray(done * columns, (done + taken) * columns), this.buffered * columns);
      this.targets.set(
        targets.subarray(done * targetColumns, (done + taken) * targetColumns),
        this.buffered * targetColumns,
      );
      this.buffered += taken;
      done += taken;
      if (this.buffered === this.blockRows) await this.flush();
    }
  }

  /** Adds the complete sums of others of the same columns. */
  merge(other: SecondMoments): void {
    this.count += other.count;
    for (const name of ['sum', 'gram', 'targetSum', 'targetSquares', 'cross'] as const) {
      for (let i = 0; i < this[name].length; i++) this[name][i] += other[name][i];
    }
  }

  /** The same rows will come again, with other targets: n, Σx and Σxxᵀ stay, the sums over targets start anew. */
  restartTargets(): void {
    this.isRepeated = true;
    for (const sums of [this.targetSum, this.targetSquares, this.cross]) sums.fill(0);
  }

  /** Adds what is still buffered; the sums are complete after it. */
  async flush(): Promise<void> {
    const { columns, targetColumns, buffered } = this;
    if (buffered === 0) return;
    this.buffered = 0;
    const rows = this.rows.subarray(0, buffered * columns);
    if (!this.isRepeated) {
      this.count += buffered;
      accumulate(this.gram, await this.products.gram(rows, columns));
      addColumns(this.sum, rows);
    }
    if (targetColumns === 0) return;
    const targets = this.targets.subarray(0, buffered * targetColumns);
    accumulate(this.cross, await this.products.cross(rows, columns, targets, targetColumns));
    addColumns(this.targetSum, targets);
    for (let i = 0, column = 0; i < targets.length; i++) {
      this.targetSquares[column] += targets[i] * targets[i];
      if (++column === targetColumns) column = 0;
    }
  }
}

function accumulate(sums: Float64Array, values: Float32Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] += values[i];
}

function addColumns(sums: Float64Array, rows: Float32Array): void {
  for (let i = 0, column = 0; i < rows.length; i++) {
    sums[column] += rows[i];
    if (++column === sums.length) column = 0;
  }
}
