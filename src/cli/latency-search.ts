// How much of the computation may stay for a wanted share of the latency: what was tried tells what to try next.

/** Shares of the original's. */
export interface LatencyTrial {
  readonly computation: number;
  readonly latency: number;
}

/** A latency below this share of the target is further than was asked for. */
const closeEnough = 0.92;
/** Aims a little below the target, which the next measurement would else exceed half of the time. */
const aim = 0.98;
/** So much faster than a trial with more computation, and this many times the difference in computation, is a disturbed measurement. */
const plausible = { step: 0.05, slope: 3 } as const;
/** The next trial stays this share of their distance away from what was tried already. */
const margin = 0.1;

export function isClose({ latency }: LatencyTrial, target: number): boolean {
  return latency <= target && latency >= closeEnough * target;
}

/** The slowest trial that is not slower than `target`; null where none is. */
export function bestTrial(trials: readonly LatencyTrial[], target: number): LatencyTrial | null {
  const fitting = trials.filter(({ latency }) => latency <= target);
  return fitting.reduce<LatencyTrial | null>(
    (best, trial) => (best && best.latency >= trial.latency ? best : trial),
    null,
  );
}

/**
 * The computation to try next: on the line between the closest trials on both sides of `target`. Nothing takes no time, and the whole computation
 * the original's.
 */
export function nextComputation(trials: readonly LatencyTrial[], target: number): number {
  const ascending = [...trials].sort((a, b) => a.computation - b.computation);
  // Measurements contradict each other now and then: the least computation that was too slow counts.
  const slow = ascending.find(({ latency }) => latency > target) ?? { computation: 1, latency: Math.max(1, target) };
  const isPlausible = ({ computation, latency }: LatencyTrial): boolean =>
    slow.latency - latency <= plausible.step + plausible.slope * (slow.computation - computation);
  const faster = ascending.filter((trial) => trial.computation < slow.computation && isPlausible(trial));
  const fast = faster.at(-1) ?? { computation: 0, latency: 0 };
  const width = slow.computation - fast.computation;
  const rise = slow.latency - fast.latency;
  const share = rise > 0 ? (aim * target - fast.latency) / rise : 0.5;
  return fast.computation + width * Math.min(Math.max(share, margin), 1 - margin);
}
