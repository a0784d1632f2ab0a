// How far outputs are from the exact ones, over several samples: squared error by variance, which an offset that all elements share (scores of which most are
// zero, decibels) does not make look small.
import { isFloat, type Tensor } from '../../src/tensor/index.js';

interface Sums {
  count: number;
  sum: number;
  squares: number;
  error: number;
}

/** Variance below which an output counts as constant, relative to its mean square. */
const leastVariance = 1e-9;

export class OutputErrors {
  private readonly byName = new Map<string, Sums>();

  /** Outputs that hold no floats, or have another shape, are left out. */
  add(exact: Readonly<Record<string, Tensor>>, rounded: Readonly<Record<string, Tensor>>): void {
    for (const [name, tensor] of Object.entries(exact)) {
      const other = rounded[name];
      if (!isFloat(tensor.dataType) || other?.size !== tensor.size) continue;
      const sums = this.byName.get(name) ?? { count: 0, sum: 0, squares: 0, error: 0 };
      this.byName.set(name, sums);
      addTo(sums, tensor.readFloat32(), other.readFloat32());
    }
  }

  /** Elements so far, of all outputs. */
  get count(): number {
    return [...this.byName.values()].reduce((total, { count }) => total + count, 0);
  }

  /** Of the output that moved most; 0 where nothing can be told. */
  get worst(): number {
    const errors = [...this.byName.values()].map(({ count, sum, squares, error }) => {
      const variance = squares - (sum * sum) / Math.max(count, 1);
      if (error === 0 || variance <= leastVariance * squares) return 0;
      return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error / variance;
    });
    return Math.max(0, ...errors);
  }
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
