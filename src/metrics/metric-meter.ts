// One metric of several models over the same examples: figures with intervals, and differences from the first model with intervals
// that use that the examples are the same.
import { ReplicatedSums, type SumsState } from './bootstrap.js';
import {
  type Interval,
  mcNemarTest,
  pairedDifferenceInterval,
  percentileInterval,
  wilsonInterval,
} from './interval.js';
import type { Metric } from './metric.js';
import type { Observation } from './observation.js';

export interface MetricValue {
  /** null where it is not defined or not finite. */
  readonly value: number | null;
  /** 95 %. */
  readonly interval: Interval | null;
}

export interface MetricDifference extends MetricValue {
  /** Zero lies outside of the interval. */
  readonly significant: boolean;
  /** McNemar's exact test; null for metrics that are no proportion of independent answers. */
  readonly pValue: number | null;
  /** Answers that only the first model, or only this one, gets right; null as `pValue`. */
  readonly lost: number | null;
  readonly gained: number | null;
}

interface Tally {
  readonly sums: ReplicatedSums;
  examples: number;
  gained: number;
  lost: number;
}

/** A meter as it is after some examples. */
export interface MeterState {
  readonly single: boolean;
  readonly tallies: readonly {
    readonly sums: SumsState;
    readonly examples: number;
    readonly gained: number;
    readonly lost: number;
  }[];
}

export class MetricMeter {
  readonly metric: Metric;
  private readonly tallies: readonly Tally[];
  /** Every example is one answer, so that the answers are independent. */
  private single = true;

  constructor(metric: Metric, models: number) {
    this.metric = metric;
    this.tallies = Array.from({ length: models }, () => ({
      sums: new ReplicatedSums(),
      examples: 0,
      gained: 0,
      lost: 0,
    }));
  }

  /**
   * What each model makes of one example, the first model first, and the weights of the example in the replicates. `dependent`: the
   * example belongs to one sequence with the one before.
   */
  add(observations: readonly Observation[], weights: Float64Array, dependent = false): void {
    if (dependent) this.single = false;
    let firstSuccess = Number.NaN;
    for (const [model, observation] of observations.entries()) {
      const tally = this.tallies[model];
      let success = 0;
      const collected = this.metric.collect(observation, (sum, amount) => {
        tally.sums.add(sum, amount, weights);
        if (sum === 0) success = amount;
        else if (this.metric.proportion && amount !== 1) this.single = false;
      });
      if (!collected) continue;
      tally.examples++;
      if (model === 0) firstSuccess = success;
      else if (success > firstSuccess) tally.gained++;
      else if (success < firstSuccess) tally.lost++;
    }
  }

  /** What `restore` takes up again. */
  get state(): MeterState {
    return {
      single: this.single,
      tallies: this.tallies.map(({ sums, examples, gained, lost }) => ({ sums: sums.state, examples, gained, lost })),
    };
  }

  restore({ single, tallies }: MeterState): void {
    this.single = single;
    for (const [model, { sums, ...counts }] of tallies.entries()) {
      this.tallies[model].sums.restore(sums);
      Object.assign(this.tallies[model], counts);
    }
  }

  /** Examples that a model was measured on. */
  examples(model: number): number {
    return this.tallies[model].examples;
  }

  /** Null where no example had what the metric needs. */
  value(model: number): MetricValue | null {
    const { sums, examples } = this.tallies[model];
    if (examples === 0) return null;
    const value = sums.value(this.metric.value);
    return { value: finite(value), interval: this.interval(sums, examples) };
  }

  /** How far a model is from the first one, on the examples themselves. Null as for `value`. */
  difference(model: number): MetricDifference | null {
    const [{ sums: firstSums, examples: firstExamples }] = this.tallies;
    const { sums, examples, gained, lost } = this.tallies[model];
    if (examples === 0 || firstExamples === 0) return null;
    const of = this.metric.value;
    const value = sums.value(of) - firstSums.value(of);
    if (this.metric.proportion && this.single) {
      const interval = pairedDifferenceInterval(gained, lost, examples);
      const pValue = mcNemarTest(gained, lost);
      return { value: finite(value), interval, significant: pValue < 0.05, pValue, gained, lost };
    }
    const first = firstSums.replicatedValues(of);
    const interval = finiteInterval(percentileInterval(sums.replicatedValues(of).map((other, i) => other - first[i])));
    const significant = interval !== null && (interval.low > 0 || interval.high < 0);
    return { value: finite(value), interval, significant, pValue: null, gained: null, lost: null };
  }

  private interval(sums: ReplicatedSums, examples: number): Interval | null {
    if (!this.metric.proportion || !this.single) return finiteInterval(sums.interval(this.metric.value));
    const successes = sums.value((all) => all[0]);
    return wilsonInterval(successes, examples);
  }
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function finiteInterval(interval: Interval): Interval | null {
  return Number.isFinite(interval.low) && Number.isFinite(interval.high) ? interval : null;
}
