// A bootstrap that needs no second look at the data: each example gets a Poisson(1) weight in each of the replicates (Chamandy et
// al., "Estimating uncertainty for massive data streams", 2012). Models that share the weights of an example are compared in pairs.
import { createRandom, type Random } from '../numeric/index.js';
import { type Interval, percentileInterval } from './interval.js';

export const replicates = 500;

/** Poisson(1) probabilities summed up, times 2^32. */
const thresholds = (() => {
  const sums: number[] = [];
  let probability = Math.exp(-1);
  let sum = 0;
  for (let k = 1; sum + probability < 1 - 2 ** -33; k++) {
    sum += probability;
    sums.push(sum * 2 ** 32);
    probability /= k;
  }
  return Float64Array.from(sums);
})();

/** The weights of the examples, one after the other; the same seed gives the same ones. */
export class BootstrapWeights {
  /** Of the current example; overwritten by `next`. */
  readonly current = new Float64Array(replicates).fill(1);
  private readonly random: Random;

  constructor(seed: number) {
    this.random = createRandom(seed).fork('bootstrap');
  }

  next(): void {
    for (let i = 0; i < replicates; i++) {
      const word = this.random.int(2 ** 32);
      let weight = 0;
      while (weight < thresholds.length && word >= thresholds[weight]) weight++;
      this.current[i] = weight;
    }
  }
}

/** Sums as they are after some examples. */
export interface SumsState {
  readonly sums: Float64Array;
  readonly replicated: Float64Array;
}

/** Sums over examples, and the same sums in every replicate. Sums are numbered from 0 as they come up. */
export class ReplicatedSums {
  private count = 0;
  private sums = new Float64Array(4);
  /** Replicates of sum 0, then of sum 1, … */
  private replicated = new Float64Array(4 * replicates);

  add(index: number, amount: number, weights: Float64Array): void {
    this.reserve(index + 1);
    this.sums[index] += amount;
    if (amount === 0) return;
    const { replicated } = this;
    for (let i = 0, at = index * replicates; i < replicates; i++, at++) {
      // A weight of 0 leaves an example out, also where its amount is NaN.
      if (weights[i] !== 0) replicated[at] += amount * weights[i];
    }
  }

  /** `of` turns sums into a figure. */
  value(of: (sums: Float64Array) => number): number {
    return of(this.sums.slice(0, this.count));
  }

  replicatedValues(of: (sums: Float64Array) => number): Float64Array {
    const sums = new Float64Array(this.count);
    return Float64Array.from({ length: replicates }, (_, replicate) => {
      for (let i = 0; i < this.count; i++) sums[i] = this.replicated[i * replicates + replicate];
      return of(sums);
    });
  }

  interval(of: (sums: Float64Array) => number): Interval {
    return percentileInterval(this.replicatedValues(of));
  }

  /** What `restore` takes up again. */
  get state(): SumsState {
    const { count, sums, replicated } = this;
    return { sums: sums.slice(0, count), replicated: replicated.slice(0, count * replicates) };
  }

  restore({ sums, replicated }: SumsState): void {
    this.reserve(sums.length);
    this.sums.set(sums);
    this.replicated.set(replicated);
  }

  private reserve(count: number): void {
    this.count = Math.max(this.count, count);
    if (count <= this.sums.length) return;
    const capacity = Math.max(count, this.sums.length * 2);
    const sums = new Float64Array(capacity);
    sums.set(this.sums);
    this.sums = sums;
    const replicated = new Float64Array(capacity * replicates);
    replicated.set(this.replicated);
    this.replicated = replicated;
  }
}
