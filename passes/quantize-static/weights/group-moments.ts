// Moments of the patches under the kernels of a grouped convolution, group by group: means, which the correction of its bias needs, and where
// rows are short (depthwise: one kernel) second moments, for rounding by GPTQ. Small matrices, which are faster summed here than by an engine.
import type { LinearOperator } from '../../../src/analysis/index.js';
import { type Observer, operatorRows, type RowSampling } from '../../../src/calibration/index.js';
import type { Tensor } from '../../../src/tensor/index.js';

/** Longer rows get means alone. */
const mostColumns = 288;
/** Multiplications a sample, which limit how many of its patches are taken. */
const mostProducts = 1 << 22;
const leastPatches = 16;

export class GroupMoments implements Observer {
  /** Patches of each group, by what they count. */
  count = 0;
  private readonly operator: LinearOperator;
  private readonly sampling: RowSampling;
  private readonly sums: readonly Float64Array[];
  /** Lower triangles of Σxxᵀ, row-major; null where they are not taken. */
  private readonly grams: readonly Float64Array[] | null;

  constructor(operator: LinearOperator, sampling: RowSampling, withGrams: boolean) {
    const { groups, rowLength } = operator;
    const most = Math.floor(mostProducts / (groups * rowLength ** 2));
    this.operator = operator;
    this.sampling = { ...sampling, most: Math.min(sampling.most, Math.max(most, leastPatches)) };
    this.sums = Array.from({ length: groups }, () => new Float64Array(rowLength));
    this.grams =
      withGrams && rowLength <= mostColumns ? this.sums.map(() => new Float64Array(rowLength * rowLength)) : null;
  }

  /** @param counts what each place counts; without: all 1. */
  observe(tensor: Tensor, counts: Float32Array | null = null): void {
    const { rowLength } = this.operator;
    for (const { group, rows, positions } of operatorRows(this.operator, tensor, this.sampling)) {
      const sums = this.sums[group];
      const gram = this.grams?.[group];
      for (let start = 0, row = 0; start < rows.length; start += rowLength, row++) {
        const count = counts ? counts[positions ? positions[row] : row] : 1;
        if (group === 0) this.count += count;
        for (let i = 0; i < rowLength; i++) {
          const value = count * rows[start + i];
          sums[i] += value;
          if (gram && value !== 0)
            for (let j = 0, at = i * rowLength; j <= i; j++) gram[at + j] += value * rows[start + j];
        }
      }
    }
  }

  async finish(): Promise<void> {}

  /** By group. */
  get means(): Float64Array[] {
    return this.sums.map((sums) => sums.map((sum) => sum / this.count));
  }

  /** By group [rowLength, rowLength], row-major; null where only means are known. */
  get covariances(): Float64Array[] | null {
    const { means } = this;
    return this.grams?.map((gram, group) => this.covarianceOf(gram, means[group])) ?? null;
  }

  private covarianceOf(gram: Float64Array, mean: Float64Array): Float64Array {
    const columns = mean.length;
    const covariance = new Float64Array(gram.length);
    for (let i = 0; i < columns; i++) {
      for (let j = 0; j <= i; j++) {
        const value = gram[i * columns + j] / this.count - mean[i] * mean[j];
        covariance[i * columns + j] = value;
        covariance[j * columns + i] = value;
      }
    }
    return covariance;
  }
}
