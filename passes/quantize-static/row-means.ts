// The mean patch under the kernel of a convolution, by group: all that the correction of its bias needs.
import type { LinearOperator } from '../../src/analysis/index.js';
import { type Observer, operatorRows, type RowSampling } from '../../src/calibration/index.js';
import type { Tensor } from '../../src/tensor/index.js';

export class RowMeans implements Observer {
  private readonly operator: LinearOperator;
  private readonly sampling: RowSampling;
  private readonly sums: readonly Float64Array[];
  private readonly counts: number[];

  constructor(operator: LinearOperator, sampling: RowSampling) {
    this.operator = operator;
    this.sampling = sampling;
    this.sums = Array.from({ length: operator.groups }, () => new Float64Array(operator.rowLength));
    this.counts = this.sums.map(() => 0);
  }

  observe(tensor: Tensor): void {
    const { rowLength } = this.operator;
    for (const { group, rows } of operatorRows(this.operator, tensor, this.sampling)) {
      const sums = this.sums[group];
      for (let i = 0, column = 0; i < rows.length; i++) {
        sums[column] += rows[i];
        if (++column === rowLength) column = 0;
      }
      this.counts[group] += rows.length / rowLength;
    }
  }

  async finish(): Promise<void> {}

  /** Rows of a group, and the mean row of each. */
  get result(): { readonly count: number; readonly means: readonly Float64Array[] } {
    const means = this.sums.map((sums, group) => sums.map((sum) => sum / this.counts[group]));
    return { count: this.counts[0], means };
  }
}
