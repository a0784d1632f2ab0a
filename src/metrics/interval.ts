// 95 % confidence intervals of proportions, and of the difference of two proportions on the same examples.

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Quantile 0.975 of the normal distribution. */
const z = 1.959963984540054;

/** Wilson's score interval (1927); right for few examples and for proportions near 0 and 1. NaN for no examples. */
export function wilsonInterval(successes: number, count: number): Interval {
  const proportion = successes / count;
  const denominator = 1 + (z * z) / count;
  const centre = (proportion + (z * z) / (2 * count)) / denominator;
  const half = (z / denominator) * Math.sqrt((proportion * (1 - proportion)) / count + (z * z) / (4 * count * count));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/**
 * Difference of two proportions of the same `count` examples, from the examples that only the second (`gained`) or only the first
 * (`lost`) gets right: the adjusted Wald interval of Bonett and Price (2012).
 */
export function pairedDifferenceInterval(gained: number, lost: number, count: number): Interval {
  const n = count + 2;
  const up = (gained + 1) / n;
  const down = (lost + 1) / n;
  const half = z * Math.sqrt((up + down - (up - down) ** 2) / n);
  return { low: Math.max(-1, up - down - half), high: Math.min(1, up - down + half) };
}

/** McNemar's exact test: how probable a split at least as uneven is when neither is better. Two-sided. */
export function mcNemarTest(gained: number, lost: number): number {
  const count = gained + lost;
  const fewer = Math.min(gained, lost);
  if (fewer * 2 === count) return 1;
  let tail = 0;
  // Log of the binomial coefficient, so that large counts do not overflow.
  let logTerm = -count * Math.LN2;
  for (let k = 0; k <= fewer; k++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((count - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}

/** The middle 95 % of values; NaN where one is NaN. Sorts a copy. */
export function percentileInterval(values: Float64Array): Interval {
  const sorted = values.slice().sort();
  const at = (part: number): number => {
    const position = part * (sorted.length - 1);
    const below = Math.floor(position);
    const low = sorted[below];
    const high = sorted[Math.min(below + 1, sorted.length - 1)];
    return low === high ? low : low + (high - low) * (position - below);
  };
  if (Number.isNaN(sorted[sorted.length - 1])) return { low: Number.NaN, high: Number.NaN };
  return { low: at(0.025), high: at(0.975) };
}
