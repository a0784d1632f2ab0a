// Ranges that are read off: the extremes of what was seen, and the range that all but a few values lie in.
import type { WideningHistogram } from '../widening-histogram.js';
import type { Range } from './candidate.js';

/** Everything that was seen, and zero. */
export function minmaxRange({ minimum, maximum }: WideningHistogram): Range {
  return { low: Math.min(minimum, 0), high: Math.max(maximum, 0) };
}

/**
 * The range of `percent` of the values, the rest in equal parts on both sides; on one side where all values have one sign.
 * Precise to the width of a bin.
 */
export function percentileRange(histogram: WideningHistogram, percent: number): Range {
  const { counts, zeros, binWidth, firstBin, minimum, maximum } = histogram;
  const total = counts.reduce((sum, count) => sum + count, zeros);
  const cut = total * (1 - percent / 100);
  const below = maximum <= 0 ? cut : minimum >= 0 ? 0 : cut / 2;
  const above = cut - below;
  // Bins are counted from outside; zero lies within the range in any case.
  let first = 0;
  for (let sum = 0; first < counts.length; first++) {
    sum += counts[first];
    if (sum > below) break;
  }
  let last = counts.length - 1;
  for (let sum = 0; last > first; last--) {
    sum += counts[last];
    if (sum > above) break;
  }
  return {
    low: Math.min(Math.max((firstBin + first) * binWidth, minimum), 0),
    high: Math.max(Math.min((firstBin + last + 1) * binWidth, maximum), 0),
  };
}
