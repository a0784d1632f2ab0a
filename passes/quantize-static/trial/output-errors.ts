// How far outputs are from the exact ones, over several samples: squared error by variance, which an offset that all elements share (scores of which most are
// zero, decibels) does not make look small.
import { isFloat, type Tensor } from '../../../src/tensor/index.js';

interface Sums {
  /** Error of each sample. */
  readonly samples: number[];
  count: number;
  sum: number;
  squares: number;
  error: number;
}

/** Variance below which an output counts as constant, relative to its mean square. */
const leastVariance = 1e-9;

/** Of the mean error: what a sample counts at least with. */
const leastOfMean = 1e-2;

export class OutputErrors {
  private readonly byName = new Map<string, Sums>();

  /** Outputs that hold no floats, or have another shape, are left out. */
  add(exact: Readonly<Record<string, Tensor>>, rounded: Readonly<Record<string, Tensor>>): void {
    for (const [name, tensor] of Object.entries(exact)) {
      const other = rounded[name];
      if (!isFloat(tensor.dataType) || other?.size !== tensor.size) continue;
      const sums = this.byName.get(name) ?? { samples: [], count: 0, sum: 0, squares: 0, error: 0 };
      this.byName.set(name, sums);
      const before = sums.error;
      addTo(sums, tensor.readFloat32(), other.readFloat32());
      sums.samples.push(sums.error - before);
    }
  }

  /** Of the output that moved most; 0 where nothing can be told. */
  get worst(): number {
    return Math.max(0, ...this.each());
  }

  /**
   * Geometric mean over the samples of the error of all outputs together: what errors are like in most samples, which a few samples tell, while their sum
   * depends on one or two of them. Samples that say next to nothing (maps without an object) count with a hundredth of the mean, or they would decide alone.
   */
  get typical(): number {
    const outputs = [...this.byName.values()].map((sums) => ({ ...sums, share: shareOf(sums, 1) }));
    const samples = outputs[0]?.samples.length ?? 0;
    if (samples === 0) return 0;
    const errors = Array.from({ length: samples }, (_, sample) =>
      outputs.reduce((total, output) => total + (output.samples[sample] ?? 0) * output.share, 0),
    );
    const mean = errors.reduce((sum, error) => sum + error / samples, 0);
    if (!(mean > 0)) return mean === 0 ? 0 : Number.POSITIVE_INFINITY;
    const least = mean * leastOfMean;
    const logarithms = errors.reduce((sum, error) => sum + Math.log(Math.max(error, least)), 0);
    return samples * Math.exp(logarithms / samples);
  }

  private each(): number[] {
    return [...this.byName.values()].map((sums) => shareOf(sums, sums.error));
  }
}

/** An error by the variance of the output. */
function shareOf({ count, sum, squares }: Sums, error: number): number {
  const variance = squares - (sum * sum) / Math.max(count, 1);
  if (error === 0 || variance <= leastVariance * squares) return 0;
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error / variance;
}

/** Elements whose exact value is no finite number tell nothing. */
function addTo(sums: Sums, exact: Float32Array, rounded: Float32Array): void {
  let { count, sum, squares, error } = sums;
  for (let i = 0; i < exact.length; i++) {
    const value = exact[i];
    if (!Number.isFinite(value)) continue;
    count++;
    sum += value;
    squares += value * value;
    error += (value - rounded[i]) ** 2;
  }
  Object.assign(sums, { count, sum, squares, error });
}
