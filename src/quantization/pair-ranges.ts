// Ranges of the sums of neighbouring weights along K: what an integer product must keep within 16 bits on CPUs without VNNI.
import type { ValueRanges } from './parameters-ranges.js';
import type { QuantizationLayout } from './scheme-layout.js';

/**
 * Elements that hold whole pairs: pieces given to `scanPairRange` are multiples of it. The layout is a matrix of N channels
 * over K: either [K, N] (nothing inside the axis), where a pair lies in two rows, or [N, K], where it lies side by side.
 */
export function pairUnit(layout: QuantizationLayout): number {
  return layout.inner === 1 ? 2 * layout.channels : layout.inner;
}

/**
 * Widens `ranges` by the pairs of a piece that starts at `firstElement`: for weights a and b at 2i and 2i + 1 along K, by a, b and
 * a + b. A channel whose pair range is covered by a symmetric int8 scale of 127 steps cannot saturate: its rounded pairs lie
 * within ±128, and 128 · 255 within int16 (`canSaturate` tells which pairs meet, and why).
 *
 * The pair range covers the range of the values and is at most twice as wide; for normally distributed weights about 1.3 times. So
 * scales taken from it make saturation impossible at a smaller loss than a bit of every weight.
 */
export function scanPairRange(
  input: Float32Array,
  firstElement: number,
  layout: QuantizationLayout,
  ranges: ValueRanges,
): void {
  const nonFinite =
    layout.inner === 1
      ? scanPairsAcrossRows(input, layout.channels, ranges)
      : scanPairsInRuns(input, Math.floor(firstElement / layout.inner), layout, ranges);
  if (nonFinite === 0) return;
  ranges.nonFiniteCount += nonFinite;
  if (ranges.firstNonFinite < 0) ranges.firstNonFinite = firstElement + input.findIndex((x) => !Number.isFinite(x));
}

// As in parameters-ranges.ts: nearly no element is a new extreme, so one comparison chain that mostly holds decides; NaN and
// infinities fail it too.

function scanPairsAcrossRows(input: Float32Array, channels: number, { minimum, maximum }: ValueRanges): number {
  let nonFinite = 0;
  for (let row = 0; row < input.length; row += 2 * channels) {
    const last = row + channels >= input.length;
    for (let p = 0; p < channels; p++) {
      const a = input[row + p];
      const b = last ? 0 : input[row + channels + p];
      const low = minimum[p];
      const high = maximum[p];
      const sum = a + b;
      if (sum >= low && sum <= high && a >= low && a <= high && b >= low && b <= high) continue;
      nonFinite += countNonFinite(a, b);
      minimum[p] = smallestOf(a, b, low);
      maximum[p] = largestOf(a, b, high);
    }
  }
  return nonFinite;
}

function scanPairsInRuns(
  input: Float32Array,
  firstRun: number,
  { inner, channels }: QuantizationLayout,
  { minimum, maximum }: ValueRanges,
): number {
  let nonFinite = 0;
  for (let start = 0, run = firstRun; start < input.length; start += inner, run++) {
    const p = run % channels;
    let low = minimum[p];
    let high = maximum[p];
    for (let i = start; i < start + inner; i += 2) {
      const a = input[i];
      const b = i + 1 < start + inner ? input[i + 1] : 0;
      const sum = a + b;
      if (sum >= low && sum <= high && a >= low && a <= high && b >= low && b <= high) continue;
      nonFinite += countNonFinite(a, b);
      low = smallestOf(a, b, low);
      high = largestOf(a, b, high);
    }
    minimum[p] = low;
    maximum[p] = high;
  }
  return nonFinite;
}

function countNonFinite(a: number, b: number): number {
  return (a - a === 0 ? 0 : 1) + (b - b === 0 ? 0 : 1);
}

/** Largest float32. */
const FLOAT32_MAX = 2 ** 128 - 2 ** 104;

// Non-finite weights do not count towards a range; sums beyond float32 are cut to it, so that every scale stays finite.

function smallestOf(a: number, b: number, low: number): number {
  const x = a - a === 0 ? a : 0;
  const y = b - b === 0 ? b : 0;
  return Math.max(Math.min(low, x, y, x + y), -FLOAT32_MAX);
}

function largestOf(a: number, b: number, high: number): number {
  const x = a - a === 0 ? a : 0;
  const y = b - b === 0 ? b : 0;
  return Math.min(Math.max(high, x, y, x + y), FLOAT32_MAX);
}
