import { describe, expect, test } from 'vitest';
import { bestTrial, isClose, type LatencyTrial, nextComputation } from '../../src/cli/latency-search.js';

/** Trials from `start` until one is close to `target`, where the latency follows `latencyOf`. */
function searchFor(target: number, latencyOf: (computation: number, trial: number) => number): LatencyTrial[] {
  const trials: LatencyTrial[] = [];
  for (let computation = target; trials.length < 12; computation = nextComputation(trials, target)) {
    trials.push({ computation, latency: latencyOf(computation, trials.length) });
    if (isClose(trials[trials.length - 1], target)) break;
  }
  return trials;
}

describe('the search for a share of the computation', () => {
  test.each([
    ['in proportion', 0.7, (share: number) => share],
    ['with a part that stays', 0.5, (share: number) => 0.3 + 0.7 * share],
    ['slower than it should be', 0.6, (share: number) => share ** 0.5],
    ['faster than it should be', 0.7, (share: number) => share ** 2],
  ])('latency %s is found in five trials', (_, target, latencyOf) => {
    const trials = searchFor(target, latencyOf);
    expect(trials.length).toBeLessThanOrEqual(5);
    expect(isClose(trials[trials.length - 1], target)).toBe(true);
  });

  test('recovers from a measurement that was far off', () => {
    const trials = searchFor(0.7, (share, trial) => (trial === 0 ? 0.45 : share));
    expect(isClose(trials[trials.length - 1], 0.7)).toBe(true);
    for (const { computation } of trials) expect(computation).toBeLessThan(0.97);
  });

  test('stays between what was tried', () => {
    const trials = [
      { computation: 0.5, latency: 0.55 },
      { computation: 0.8, latency: 0.75 },
      { computation: 0.7, latency: 0.8 },
    ];
    const next = nextComputation(trials, 0.6);
    expect(next).toBeGreaterThan(0.5);
    expect(next).toBeLessThan(0.7);
  });

  test('the best trial is the slowest that is fast enough', () => {
    const fast = { computation: 0.4, latency: 0.45 };
    const good = { computation: 0.5, latency: 0.58 };
    expect(bestTrial([fast, { computation: 0.7, latency: 0.7 }, good], 0.6)).toBe(good);
    expect(bestTrial([good], 0.5)).toBeNull();
  });
});
