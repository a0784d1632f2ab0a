// Ranges for a quantized tensor, and the error that each makes on the values that were seen.
import { computeParameters, type QuantizationScheme } from '../../quantization/index.js';
import type { WideningHistogram } from '../widening-histogram.js';

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** How much a squared error at `value` matters: the squared slope of what is computed from it. */
export type Gain = (value: number) => number;

/** The values of a histogram as points: the middles of its bins that hold anything, ascending. */
export interface WeightedPoints {
  readonly values: Float64Array;
  readonly weights: Float64Array;
}

export function pointsOf(histogram: WideningHistogram, gain: Gain | null = null): WeightedPoints {
  const { counts, firstBin, binWidth } = histogram;
  const bins = [...counts.keys()].filter((bin) => counts[bin] > 0);
  const values = Float64Array.from(bins, (bin) => (firstBin + bin + 0.5) * binWidth);
  const weights = Float64Array.from(bins, (bin, index) => counts[bin] * (gain?.(values[index]) ?? 1));
  return { values, weights };
}

/** Scale and zero point that the range gives. */
export function gridOf({ low, high }: Range, scheme: QuantizationScheme) {
  const ranges = { minimum: Float32Array.of(low), maximum: Float32Array.of(high) };
  const { scale, zeroPoint, minimum, maximum } = computeParameters(
    { ...ranges, nonFiniteCount: 0, firstNonFinite: -1 },
    scheme,
  );
  return { scale: scale[0], lowest: minimum - zeroPoint[0], highest: maximum - zeroPoint[0] };
}

/** Sum of the squared errors that QuantizeLinear with this range makes on the points. */
export function squaredError({ values, weights }: WeightedPoints, range: Range, scheme: QuantizationScheme): number {
  const { scale, lowest, highest } = gridOf(range, scheme);
  const inverse = 1 / scale;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const step = Math.min(Math.max(Math.round(values[i] * inverse), lowest), highest);
    const error = values[i] - step * scale;
    sum += weights[i] * error * error;
  }
  return sum;
}
