// Ranges of the sums of neighbouring weights along K: what an integer product must keep within 16 bits on CPUs without VNNI
// (overflow.ts tells which weights meet, and why).
import { createRanges, type ValueRanges } from './parameters-ranges.js';
import type { QuantizationLayout } from './scheme-layout.js';

/** Ranges of the weights and of the sums w(2i) + w(2i + 1) along K; an odd last weight counts as its own sum. */
export interface PairRanges extends ValueRanges {
  readonly minimumSum: Float32Array;
  readonly maximumSum: Float32Array;
}

export function createPairRanges(layout: QuantizationLayout): PairRanges {
  const sums = createRanges(layout);
  return { ...createRanges(layout), minimumSum: sums.minimum, maximumSum: sums.maximum };
}

/**
 * Elements that hold whole pairs: pieces given to `scanPairRange` are multiples of it. The layout is a matrix of N channels
 * over K: either [K, N] (nothing inside the axis), where a pair lies in two rows, or [N, K], where it lies side by side.
 */
export function pairUnit(layout: QuantizationLayout): number {
  return layout.inner === 1 ? 2 * layout.channels : layout.inner;
}

/** Widens `ranges` by the pairs of a piece that starts at `firstElement`, a multiple of `pairUnit`. */
export function scanPairRange(
  input: Float32Array,
  firstElement: number,
  layout: QuantizationLayout,
  ranges: PairRanges,
): void {
  const nonFinite =
    layout.inner === 1
      ? scanPairsAcrossRows(input, layout.channels, ranges)
      : scanPairsInRuns(input, Math.floor(firstElement / layout.inner), layout, ranges);
  if (nonFinite === 0) return;
  ranges.nonFiniteCount += nonFinite;
  if (ranges.firstNonFinite < 0) ranges.firstNonFinite = firstElement + input.findIndex((x) => !Number.isFinite(x));
}

// As in parameters-ranges.ts: hardly any element is a new extreme, so one chain of comparisons that mostly hold decides; NaN and
// infinities fail it too.

/** Rows that are compared with the extremes of a channel while these are at hand; whole pairs. */
const rowsAtOnce = 4;

function scanPairsAcrossRows(input: Float32Array, channels: number, ranges: PairRanges): number {
  const { minimum, maximum, minimumSum, maximumSum } = ranges;
  const block = rowsAtOnce * channels;
  const blocksEnd = input.length - (input.length % block);
  let nonFinite = 0;
  for (let row = 0; row < blocksEnd; row += block) {
    for (let p = 0; p < channels; p++) {
      const i = row + p;
      const a = input[i];
      const b = input[i + channels];
      const c = input[i + 2 * channels];
      const d = input[i + 3 * channels];
      const low = minimum[p];
      const high = maximum[p];
      const lowSum = minimumSum[p];
      const highSum = maximumSum[p];
      if (
        a >= low &&
        a <= high &&
        b >= low &&
        b <= high &&
        c >= low &&
        c <= high &&
        d >= low &&
        d <= high &&
        a + b >= lowSum &&
        a + b <= highSum &&
        c + d >= lowSum &&
        c + d <= highSum
      ) {
        continue;
      }
      nonFinite += widen(ranges, p, a, b) + widen(ranges, p, c, d);
    }
  }
  for (let row = blocksEnd; row < input.length; row += 2 * channels) {
    const isPair = row + channels < input.length;
    for (let p = 0; p < channels; p++) {
      nonFinite += widen(ranges, p, input[row + p], isPair ? input[row + channels + p] : 0);
    }
  }
  return nonFinite;
}

function scanPairsInRuns(
  input: Float32Array,
  firstRun: number,
  { inner, channels }: QuantizationLayout,
  ranges: PairRanges,
): number {
  const { minimum, maximum, minimumSum, maximumSum } = ranges;
  let nonFinite = 0;
  for (let start = 0, run = firstRun; start < input.length; start += inner, run++) {
    const p = run % channels;
    const end = start + inner;
    for (let i = start; i < end; i += 2) {
      const a = input[i];
      const b = i + 1 < end ? input[i + 1] : 0;
      const sum = a + b;
      const low = minimum[p];
      const high = maximum[p];
      if (sum >= minimumSum[p] && sum <= maximumSum[p] && a >= low && a <= high && b >= low && b <= high) {
        continue;
      }
      nonFinite += widen(ranges, p, a, b);
    }
  }
  return nonFinite;
}

/** Largest float32: sums beyond it are cut, so that every scale stays finite. */
const FLOAT32_MAX = 2 ** 128 - 2 ** 104;

/** Takes a pair into entry `p`; NaN and infinities count as nothing. Returns how many there are. */
function widen({ minimum, maximum, minimumSum, maximumSum }: PairRanges, p: number, a: number, b: number): number {
  const x = a - a === 0 ? a : 0;
  const y = b - b === 0 ? b : 0;
  minimum[p] = Math.min(minimum[p], x, y);
  maximum[p] = Math.max(maximum[p], x, y);
  minimumSum[p] = Math.max(Math.min(minimumSum[p], x + y), -FLOAT32_MAX);
  maximumSum[p] = Math.min(Math.max(maximumSum[p], x + y), FLOAT32_MAX);
  return (a - a === 0 ? 0 : 1) + (b - b === 0 ? 0 : 1);
}

/** One range over all channels, for a single scale. */
export function unitePairRanges(ranges: PairRanges): PairRanges {
  const least = (values: Float32Array) =>
    Float32Array.of(values.reduce((low, value) => Math.min(low, value), Infinity));
  const most = (values: Float32Array) =>
    Float32Array.of(values.reduce((high, value) => Math.max(high, value), -Infinity));
  return {
    ...ranges,
    minimum: least(ranges.minimum),
    maximum: most(ranges.maximum),
    minimumSum: least(ranges.minimumSum),
    maximumSum: most(ranges.maximumSum),
  };
}
