import { describe, expect, it } from 'vitest';
import { BootstrapWeights, ReplicatedSums, replicates } from '../../src/metrics/bootstrap.js';
import { createRandom } from '../../src/numeric/index.js';

describe('weights', () => {
  it('are Poisson distributed with mean 1', () => {
    const weights = new BootstrapWeights(1);
    const counts = new Float64Array(12);
    for (let i = 0; i < 400; i++) {
      weights.next();
      for (const weight of weights.current) counts[weight]++;
    }
    const shares = [...counts].map((count) => count / (400 * replicates));
    // e⁻¹ / k!
    for (const [k, expected] of [0.36788, 0.36788, 0.18394, 0.06131, 0.01533, 0.00307].entries()) {
      expect(Math.abs(shares[k] - expected)).toBeLessThan(0.004);
    }
  });

  it('are the same for the same seed', () => {
    const draw = (seed: number): number[] => {
      const weights = new BootstrapWeights(seed);
      weights.next();
      weights.next();
      return [...weights.current];
    };
    expect(draw(3)).toEqual(draw(3));
    expect(draw(3)).not.toEqual(draw(4));
  });
});

describe('replicated sums', () => {
  it('give the interval of a mean that theory gives', () => {
    const random = createRandom(0);
    const weights = new BootstrapWeights(0);
    const sums = new ReplicatedSums();
    const count = 2000;
    for (let i = 0; i < count; i++) {
      weights.next();
      sums.add(0, 5 + 2 * random.normal(), weights.current);
      sums.add(1, 1, weights.current);
    }
    const mean = (all: Float64Array): number => all[0] / all[1];
    const { low, high } = sums.interval(mean);
    const half = (1.96 * 2) / Math.sqrt(count);
    expect((high - low) / 2).toBeGreaterThan(half * 0.85);
    expect((high - low) / 2).toBeLessThan(half * 1.15);
    expect(Math.abs((high + low) / 2 - sums.value(mean))).toBeLessThan(half / 4);
  });

  it('grow as sums come up', () => {
    const sums = new ReplicatedSums();
    const weights = new BootstrapWeights(0).current;
    sums.add(9, 4, weights);
    sums.add(2, 1, weights);
    expect(sums.value((all) => all.length)).toBe(10);
    expect([...sums.replicatedValues((all) => all[9] - all[2])]).toEqual(new Array(replicates).fill(3));
  });
});
