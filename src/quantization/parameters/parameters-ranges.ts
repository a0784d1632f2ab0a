// The smallest and largest value per tensor, channel or block, scanned piece by piece with constant memory.

import { type QuantizationLayout, visitStretches } from './scheme-layout.js';

/** Ranges of the finite values seen so far; entry `p` belongs to parameter `p` of the layout. */
export interface ValueRanges {
  /** Infinity where nothing finite was seen. */
  readonly minimum: Float32Array;
  /** -Infinity where nothing finite was seen. */
  readonly maximum: Float32Array;
  /** NaNs and infinities seen; they do not count towards the ranges. */
  nonFiniteCount: number;
  /** Index in the tensor of the first of them in scan order; -1 when there is none. */
  firstNonFinite: number;
}

/** Empty ranges for `layout`. */
export function createRanges(layout: QuantizationLayout): ValueRanges {
  return {
    minimum: new Float32Array(layout.parameterCount).fill(Infinity),
    maximum: new Float32Array(layout.parameterCount).fill(-Infinity),
    nonFiniteCount: 0,
    firstNonFinite: -1,
  };
}

/**
 * Widens `ranges` by a piece of the tensor that starts at `firstElement`. Pieces may come in any order.
 * @throws RangeError when the piece does not lie inside the tensor.
 */
export function scanRange(
  input: Float32Array,
  firstElement: number,
  layout: QuantizationLayout,
  ranges: ValueRanges,
): void {
  const { minimum, maximum } = ranges;
  let nonFinite = 0;
  visitStretches(layout, firstElement, input.length, {
    run(offset, length, parameter) {
      nonFinite += scanRun(input, offset, offset + length, parameter, minimum, maximum);
    },
    row(offset, length, parameter) {
      nonFinite += scanRow(input, offset, length, parameter, minimum, maximum);
    },
  });
  if (nonFinite === 0) return;
  ranges.nonFiniteCount += nonFinite;
  if (ranges.firstNonFinite < 0) ranges.firstNonFinite = firstElement + input.findIndex((x) => !Number.isFinite(x));
}

/** The ranges of a whole tensor in memory. @throws RangeError when `input` is not as long as the layout says. */
export function scanRanges(input: Float32Array, layout: QuantizationLayout): ValueRanges {
  const ranges = createRanges(layout);
  scanRange(input, 0, layout, ranges);
  return ranges;
}

// The loops take four elements per turn, because V8 checks the arrays again in every turn. A new extreme, NaN and infinities
// all fail the same comparisons, and are told apart in the rarely taken branch.

/** Scans input[start, end) into one entry; returns how many elements are not finite. */
function scanRun(
  input: Float32Array,
  start: number,
  end: number,
  parameter: number,
  minimum: Float32Array,
  maximum: Float32Array,
): number {
  let low = minimum[parameter];
  let high = maximum[parameter];
  let nonFinite = 0;
  for (let i = start; i < end; i += 4) {
    if (i + 3 < end) {
      const a = input[i];
      const b = input[i + 1];
      const c = input[i + 2];
      const d = input[i + 3];
      if (a >= low && a <= high && b >= low && b <= high && c >= low && c <= high && d >= low && d <= high) continue;
    }
    for (let j = i; j < i + 4 && j < end; j++) {
      const x = input[j];
      if (x - x !== 0) nonFinite++;
      else {
        if (x < low) low = x;
        if (x > high) high = x;
      }
    }
  }
  minimum[parameter] = low;
  maximum[parameter] = high;
  return nonFinite;
}

/** Scans `length` elements into as many entries; returns how many elements are not finite. */
function scanRow(
  input: Float32Array,
  offset: number,
  length: number,
  parameter: number,
  minimum: Float32Array,
  maximum: Float32Array,
): number {
  let nonFinite = 0;
  for (let i = 0; i < length; i += 4) {
    const p = parameter + i;
    const o = offset + i;
    if (i + 3 < length) {
      const a = input[o];
      const b = input[o + 1];
      const c = input[o + 2];
      const d = input[o + 3];
      if (
        a >= minimum[p] &&
        a <= maximum[p] &&
        b >= minimum[p + 1] &&
        b <= maximum[p + 1] &&
        c >= minimum[p + 2] &&
        c <= maximum[p + 2] &&
        d >= minimum[p + 3] &&
        d <= maximum[p + 3]
      ) {
        continue;
      }
    }
    for (let j = 0; j < 4 && i + j < length; j++) {
      const x = input[o + j];
      if (x - x !== 0) nonFinite++;
      else {
        if (x < minimum[p + j]) minimum[p + j] = x;
        if (x > maximum[p + j]) maximum[p + j] = x;
      }
    }
  }
  return nonFinite;
}
