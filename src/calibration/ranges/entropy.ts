// The range that keeps the most information: the one whose quantized distribution is closest, by Kullback-Leibler divergence, to what was
// seen, clipped to it (Migacz 2017, "8-bit inference with TensorRT"): one magnitude cuts off both sides, with as many bins as there are.
import { type QuantizationScheme, quantizedRange } from '../../quantization/index.js';
import type { WideningHistogram } from '../widening-histogram.js';
import { gridOf, type Range } from './candidate.js';

/** By what factor the magnitude shrinks from one candidate to the next. */
const step = 0.96;
const steps = 60;
/** Of a bin that holds only what was cut off. */
const leastProbability = 1e-9;

export function entropyRange(histogram: WideningHistogram, widest: Range, scheme: QuantizationScheme): Range {
  const { minimum, maximum } = quantizedRange(scheme);
  let best = widest;
  let least = Number.POSITIVE_INFINITY;
  for (let index = 0; index <= steps; index++) {
    const most = Math.max(-widest.low, widest.high) * step ** index;
    const range = { low: Math.max(widest.low, -most), high: Math.min(widest.high, most) };
    // With fewer bins than levels there is nothing left to lose, and nothing to compare.
    if ((range.high - range.low) / histogram.binWidth < maximum - minimum) break;
    const divergence = divergenceWithin(histogram, range, scheme);
    if (divergence < least) {
      least = divergence;
      best = range;
    }
  }
  return best;
}

/** KL(clipped ‖ quantized), in nats: each level spread evenly over the bins that round to it and are not empty. */
function divergenceWithin(
  { counts, firstBin, binWidth }: WideningHistogram,
  range: Range,
  scheme: QuantizationScheme,
): number {
  const { scale, lowest, highest } = gridOf(range, scheme);
  const levels = highest - lowest + 1;
  const inside = new Float64Array(levels);
  const occupied = new Float64Array(levels);
  const first = Math.max(Math.floor(range.low / binWidth) - firstBin, 0);
  const last = Math.min(Math.ceil(range.high / binWidth) - firstBin - 1, counts.length - 1);
  const levelOf = (bin: number): number => {
    const value = (firstBin + bin + 0.5) * binWidth;
    return Math.min(Math.max(Math.round(value / scale), lowest), highest) - lowest;
  };
  const clipped = counts.slice(first, last + 1);
  for (let bin = 0; bin < first; bin++) clipped[0] += counts[bin];
  for (let bin = last + 1; bin < counts.length; bin++) clipped[clipped.length - 1] += counts[bin];
  let total = 0;
  let kept = 0;
  for (let bin = first; bin <= last; bin++) {
    const level = levelOf(bin);
    inside[level] += counts[bin];
    kept += counts[bin];
    total += clipped[bin - first];
    if (clipped[bin - first] > 0) occupied[level]++;
  }
  let divergence = 0;
  for (let bin = first; bin <= last; bin++) {
    const p = clipped[bin - first] / total;
    if (p === 0) continue;
    const level = levelOf(bin);
    const q = Math.max(inside[level] / (occupied[level] * kept), leastProbability);
    divergence += p * Math.log(p / q);
  }
  return divergence;
}
