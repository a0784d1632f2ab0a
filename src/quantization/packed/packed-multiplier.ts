// Weights of few bits that become INT8 by one multiplication: W ≈ q · m · c with q of `bits` (signed), m a signed INT4 multiplier for each
// block along the summed axis and c a float32 scale per channel. The integer q · m is exact and within ±64 at 4 bits, so that neither int8
// nor the 16-bit sums of two products that CPUs without VNNI form can overflow. As m has a sign, each block can turn the longer, negative
// side of q towards its extreme. Here: the choice of m for one block.

import { type BlockSearch, searchCriteria } from '../blocks/block-criterion.js';

/** Widths of packed integers; 1.6 bits are three levels, five of which fit into a byte. */
export type PackedWidth = 1.6 | 2 | 3 | 4;

/** Levels q of a width. */
export function packedLevels(bits: PackedWidth): { readonly lowest: number; readonly highest: number } {
  if (bits === 1.6) return { lowest: -1, highest: 1 };
  const lowest = -(2 ** (bits - 1));
  return { lowest, highest: -lowest - 1 };
}

/** Values of a multiplier; 0 is not used. */
const lowestMultiplier = -8;
const highestMultiplier = 7;
/**
 * Multipliers tried on each side: below the one with which the block just fits, steps become finer and the extreme is cut off. The fewer
 * levels there are, the more of it is worth cutting off.
 */
export const multiplierTries: Readonly<Record<PackedWidth, number>> = { 1.6: 8, 2: 8, 3: 5, 4: 3 };
/** 1.5 · 2^52: a double's sum with it, minus it, is rounded half to even. */
const ROUNDER = 6755399441055744;

/** The scale c of a channel with these extremes: the smallest with which the block that holds the extreme can represent it. */
export function packedScale(minimum: number, maximum: number, bits: PackedWidth): number {
  const longest = -packedLevels(bits).lowest;
  const scale = Math.fround(
    Math.max(maximum / (longest * -lowestMultiplier), -minimum / (longest * highestMultiplier)),
  );
  // Below the normal numbers a scale would lose its precision; such a channel is all zeros as good as.
  return scale >= 2 ** -126 ? scale : 1;
}

const candidates = new Int8Array(16);

/** The multiplier for values[start, start + count) of a channel with `scale`. */
export function selectMultiplier(
  values: Float32Array,
  start: number,
  count: number,
  scale: number,
  bits: PackedWidth,
  search: BlockSearch,
): number {
  if (search === 'rtn') return coveringMultiplier(fittingMultipliers(values, start, count, scale, bits));
  const found = multiplierCandidates(values, start, count, scale, bits, candidates);
  const criterion = search === 'mse-clip' ? null : searchCriteria[search];
  const block = { values, start, count, first: 0 };
  const { lowest, highest } = packedLevels(bits);
  let best = candidates[0];
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < found; i++) {
    const step = candidates[i] * scale;
    const error = criterion
      ? criterion.cost(block, step, lowest, highest)
      : squaredError(values, start, count, step, bits);
    if (error < least) {
      least = error;
      best = candidates[i];
    }
  }
  return best;
}

/**
 * Writes the multipliers worth trying for values[start, start + count) of a channel with `scale`, of each sign from the one that cuts nothing
 * off downwards. Returns how many.
 */
export function multiplierCandidates(
  values: Float32Array,
  start: number,
  count: number,
  scale: number,
  bits: PackedWidth,
  result: Int8Array,
): number {
  let found = 0;
  for (const most of limited(fittingMultipliers(values, start, count, scale, bits))) {
    const away = Math.sign(most);
    for (let m = most, tried = 0; m !== 0 && tried < multiplierTries[bits]; m -= away, tried++) result[found++] = m;
  }
  return found;
}

type Fitting = readonly [positive: number, negative: number];

/** The magnitudes of the multipliers of either sign with which the block just fits. */
function fittingMultipliers(
  values: Float32Array,
  start: number,
  count: number,
  scale: number,
  bits: PackedWidth,
): Fitting {
  let low = 0;
  let high = 0;
  for (let i = start; i < start + count; i++) {
    const x = values[i];
    if (x < low) low = x;
    else if (x > high) high = x;
  }
  const { lowest, highest } = packedLevels(bits);
  const longSide = -lowest * scale;
  const shortSide = highest * scale;
  return [fitting(-low / longSide, high / shortSide), fitting(high / longSide, -low / shortSide)];
}

function limited([positive, negative]: Fitting): readonly [number, number] {
  return [Math.min(positive, highestMultiplier), -Math.min(negative, -lowestMultiplier)];
}

/** The finer one, unless it cuts off more. */
function coveringMultiplier(fits: Fitting): number {
  const [positive, negative] = fits;
  const [upwards, downwards] = limited(fits);
  const covers = positive <= highestMultiplier || positive * -lowestMultiplier <= negative * highestMultiplier;
  return covers && positive <= negative ? upwards : downwards;
}

/** The least multiplier with which neither side exceeds its range; a hair may be cut off, which the rounding of the scale left over. */
function fitting(long: number, short: number): number {
  return Math.max(Math.ceil(Math.max(long, short) - 1e-6), 1);
}

/** Of rounding values[start, start + count) to multiples of `step`; four sums, so that additions need not wait for each other. */
function squaredError(values: Float32Array, start: number, count: number, step: number, bits: PackedWidth): number {
  const reciprocal = 1 / step;
  const { lowest, highest } = packedLevels(bits);
  const errorOf = (i: number): number => {
    const x = values[i] * reciprocal;
    return x - Math.max(lowest, Math.min(highest, x + ROUNDER - ROUNDER));
  };
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = start;
  for (const whole = start + count - 3; i < whole; i += 4) {
    const [a, b, c, d] = [errorOf(i), errorOf(i + 1), errorOf(i + 2), errorOf(i + 3)];
    s0 += a * a;
    s1 += b * b;
    s2 += c * c;
    s3 += d * d;
  }
  for (; i < start + count; i++) s0 += errorOf(i) ** 2;
  return (s0 + s1 + s2 + s3) * step * step;
}
