// Scale and zero point of one block of neighbours: the arithmetic of weight-only formats (com.microsoft MatMulNBits and
// GatherBlockQuantized, blocked DequantizeLinear), w ≈ (q - zero point) · scale with unsigned q of `bits`.

import { type BlockCriterion, type BlockSearch, type ColumnBlock, searchCriteria } from './block-criterion.js';

export type BlockBits = 2 | 3 | 4 | 8;

/** Bits that an integer takes: no format holds three. */
export function storedBits(bits: BlockBits): 2 | 4 | 8 {
  return bits === 3 ? 4 : bits;
}

export interface BlockScheme {
  readonly bits: BlockBits;
  readonly blockSize: number;
  /** The zero point is the middle of the range; the scale may then be negative, to turn the longer side towards the extreme. */
  readonly symmetric: boolean;
  readonly search: BlockSearch;
  /** Zero points are floats, as HQQ's solver finds them; for MatMulNBits, whose blocks need not be symmetric then. */
  readonly floatZeroPoints?: boolean;
}

/** Of one block; reused, to save allocations. */
export interface BlockParameters {
  scale: number;
  zeroPoint: number;
}

const someShares = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7];
const manyShares = [...someShares, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4];

/** Shares of the range that are tried: the fewer levels, the more is worth cutting off. */
export function rangeShares(bits: BlockBits): readonly number[] {
  return bits < 4 ? manyShares : someShares;
}

const smallest = 2 ** -126;

/** Finds `result` for values[start, start + count). */
export function findBlockParameters(
  values: Float32Array,
  start: number,
  count: number,
  { bits, symmetric, search }: BlockScheme,
  result: BlockParameters,
): void {
  let low = 0;
  let high = 0;
  for (let i = start; i < start + count; i++) {
    const x = values[i];
    if (x < low) low = x;
    else if (x > high) high = x;
  }
  const levels = 2 ** bits - 1;
  const middle = 2 ** (bits - 1);
  const extreme = high > -low ? high : low;
  const width = symmetric ? -extreme / middle : (high - low) / levels;
  const first = Math.fround(width);
  result.scale = Math.abs(first) < smallest ? 1 : first;
  result.zeroPoint = symmetric ? middle : zeroPointOf(low, result.scale, levels);
  if (search === 'rtn' || result.scale !== first) return;
  const criterion = search === 'mse-clip' ? null : searchCriteria[search];
  const block = { values, start, count, first: 0 };
  let least = Number.POSITIVE_INFINITY;
  const { scale: fullScale } = result;
  for (const share of rangeShares(bits)) {
    for (let sign = 1; sign >= (symmetric ? -1 : 1); sign -= 2) {
      const scale = Math.fround(fullScale * share * sign);
      const zeroPoint = symmetric ? middle : zeroPointOf(low * share, scale, levels);
      const error = criterion
        ? criterion.cost(block, scale, -zeroPoint, levels - zeroPoint)
        : squaredError(values, start, count, scale, -zeroPoint, levels - zeroPoint);
      if (error < least) {
        least = error;
        result.scale = scale;
        result.zeroPoint = zeroPoint;
      }
    }
  }
  if (criterion) improveStep(criterion, block, levels, least, result);
}

/** Rounds of choosing levels for the step and the step for the levels; each must gain something. */
const mostRounds = 4;

function improveStep(
  criterion: BlockCriterion,
  block: ColumnBlock,
  levels: number,
  cost: number,
  result: BlockParameters,
): void {
  const lowest = -result.zeroPoint;
  const highest = levels + lowest;
  let least = cost;
  for (let round = 0; round < mostRounds; round++) {
    const step = Math.fround(criterion.betterStep(block, result.scale, lowest, highest) ?? 0);
    if (Math.abs(step) < smallest) return;
    const found = criterion.cost(block, step, lowest, highest);
    if (!(found < least)) return;
    least = found;
    result.scale = step;
  }
}

function zeroPointOf(low: number, scale: number, levels: number): number {
  return Math.min(Math.max(Math.round(-low / scale), 0), levels);
}

/** 1.5 · 2^52: a double's sum with it, minus it, is rounded half to even. */
const ROUNDER = 6755399441055744;

function squaredError(
  values: Float32Array,
  start: number,
  count: number,
  scale: number,
  lowest: number,
  highest: number,
): number {
  const reciprocal = 1 / scale;
  let even = 0;
  let odd = 0;
  let i = start;
  for (const whole = start + count - 1; i < whole; i += 2) {
    const x = values[i] * reciprocal;
    const y = values[i + 1] * reciprocal;
    const a = x - Math.max(lowest, Math.min(highest, x + ROUNDER - ROUNDER));
    const b = y - Math.max(lowest, Math.min(highest, y + ROUNDER - ROUNDER));
    even += a * a;
    odd += b * b;
  }
  if (i < start + count) {
    const x = values[i] * reciprocal;
    even += (x - Math.max(lowest, Math.min(highest, x + ROUNDER - ROUNDER))) ** 2;
  }
  return (even + odd) * scale * scale;
}

/** The integer of `value`: round half to even in float32, as QuantizeLinear does. */
export function quantizeInBlock(value: number, { scale, zeroPoint }: BlockParameters, levels: number): number {
  const q = Math.fround(value / scale) + ROUNDER - ROUNDER + zeroPoint;
  return q < 0 ? 0 : q > levels ? levels : q;
}
