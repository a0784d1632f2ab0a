// Scales and zero points of int8 weights whose products cannot saturate on any CPU: they grow just as far as the weights
// themselves require, channel by channel, instead of giving up a bit of all weights.
import type { PairRanges } from './pair-ranges.js';
import type { QuantizationParameters } from './parameters.js';

/**
 * Least scales such that, with q(w) = round(w / scale) + zeroPoint, every weight lies within [-128, 127] and every pair of neighbours
 * adds up to within ±128: then 255 · q(a) + 255 · q(b) fits 16 bits whatever the activations are (`canSaturate` is false).
 *
 * Rounding adds at most 1 to a pair, so (a + b) / scale + 2 · zeroPoint must lie within ±127. With a zero point that balances the
 * largest and the smallest sum, scales of normally distributed weights grow by about a fifth; with a symmetric one by a third; a bit less
 * of range would double them.
 * @param ranges of the weights; the values must be finite.
 */
export function computeSaturationFreeParameters(ranges: PairRanges, symmetric: boolean): QuantizationParameters {
  const count = ranges.minimum.length;
  const scale = new Float32Array(count);
  const zeroPoint = new Int32Array(count);
  for (let p = 0; p < count; p++) {
    const extremes: Extremes = {
      low: Math.min(ranges.minimum[p], 0),
      high: Math.max(ranges.maximum[p], 0),
      lowSum: Math.min(ranges.minimumSum[p], 0),
      highSum: Math.max(ranges.maximumSum[p], 0),
    };
    const balanced = symmetric ? 0 : balancedZeroPoint(extremes);
    const lower = leastScale(extremes, Math.floor(balanced), symmetric);
    const upper = leastScale(extremes, Math.ceil(balanced), symmetric);
    zeroPoint[p] = lower <= upper ? Math.floor(balanced) : Math.ceil(balanced);
    scale[p] = Math.min(lower, upper);
    // As everywhere: what is too small for a normal float32 scale counts as zero.
    if (scale[p] < 2 ** -126) {
      scale[p] = 1;
      zeroPoint[p] = 0;
    }
  }
  return { dataType: 'int8', scale, zeroPoint, minimum: symmetric ? -127 : -128, maximum: 127 };
}

interface Extremes {
  /** At most 0. */
  readonly low: number;
  /** At least 0. */
  readonly high: number;
  readonly lowSum: number;
  readonly highSum: number;
}

const MOST_SUM = 127;
const MOST = 127;
const LEAST = -128;

/** The least scale that a zero point allows; Infinity where it allows none. */
function leastScale({ low, high, lowSum, highSum }: Extremes, zeroPoint: number, symmetric: boolean): number {
  return Math.max(
    scaleFor(high, MOST - zeroPoint),
    scaleFor(low, (symmetric ? -MOST : LEAST) - zeroPoint),
    scaleFor(highSum, MOST_SUM - 2 * zeroPoint),
    scaleFor(lowSum, -MOST_SUM - 2 * zeroPoint),
  );
}

/** The least scale that brings `extreme` into `room`, which must lie on the same side of zero. */
function scaleFor(extreme: number, room: number): number {
  if (extreme === 0) return 0;
  return extreme > 0 === room > 0 && room !== 0 ? extreme / room : Infinity;
}

/**
 * The zero point, not yet an integer, that allows the least scale. With u = 1 / scale each bound is linear in u and the zero point; u is
 * largest where the tightest upper and the tightest lower bound meet.
 */
function balancedZeroPoint({ low, high, lowSum, highSum }: Extremes): number {
  // u · slope + zeroPoint <= bound, and >= bound.
  const upper = [
    { slope: high, bound: MOST },
    { slope: highSum / 2, bound: MOST_SUM / 2 },
  ];
  const lower = [
    { slope: low, bound: LEAST },
    { slope: lowSum / 2, bound: -MOST_SUM / 2 },
  ];
  let least = Infinity;
  let zeroPoint = 0;
  for (const above of upper) {
    for (const below of lower) {
      const u = (above.bound - below.bound) / (above.slope - below.slope);
      if (!(u < least)) continue;
      least = u;
      zeroPoint = above.bound - u * above.slope;
    }
  }
  return zeroPoint;
}
