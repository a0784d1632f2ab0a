// What a block of a column can be rounded to, in every form in which weights are stored: integers times a multiplier and the scale of the
// channel (packed), or times a float scale, around a zero point or not (MatMulNBits, DequantizeLinear).
import type { ColumnBlock } from '../blocks/block-criterion.js';
import { type BlockBits, rangeShares } from '../blocks/block-parameters.js';
import { multiplierCandidates, type PackedWidth, packedLevels, packedScale } from '../packed/packed-multiplier.js';

/** Ways to represent one block, the one that cuts nothing off first; reused. */
export class BlockCandidates {
  count = 0;
  readonly steps = new Float64Array(32);
  readonly zeroPoints = new Int32Array(32);
  readonly multipliers = new Int8Array(32);

  add(step: number, zeroPoint: number, multiplier: number): void {
    this.steps[this.count] = step;
    this.zeroPoints[this.count] = zeroPoint;
    this.multipliers[this.count++] = multiplier;
  }
}

export interface BlockGrid {
  /** Integers as they are stored; levels are integers minus the zero point. */
  readonly lowest: number;
  readonly highest: number;
  /** Whether steps other than those of the candidates can be stored. */
  readonly anyStep: boolean;
  /** Writes the candidates of a block of `column`. */
  list(block: ColumnBlock, column: number, result: BlockCandidates): void;
}

/** q · m · c with the scale c of each column: see packed-multiplier.ts. */
export function packedGrid(scale: Float32Array, bits: PackedWidth): BlockGrid {
  const multipliers = new Int8Array(32);
  return {
    ...packedLevels(bits),
    anyStep: false,
    list({ values, start, count }, column, result) {
      const found = multiplierCandidates(values, start, count, scale[column], bits, multipliers);
      result.count = 0;
      for (let i = 0; i < found; i++) result.add(multipliers[i] * scale[column], 0, multipliers[i]);
    },
  };
}

/** The scale c of every column of `weights` [k, n]. */
export function columnScales(weights: Float32Array, n: number, bits: PackedWidth): Float32Array {
  const minimum = new Float32Array(n);
  const maximum = new Float32Array(n);
  for (let i = 0, column = 0; i < weights.length; i++) {
    const value = weights[i];
    if (value < minimum[column]) minimum[column] = value;
    else if (value > maximum[column]) maximum[column] = value;
    if (++column === n) column = 0;
  }
  return minimum.map((least, column) => packedScale(least, maximum[column], bits));
}

/** Shares of the range of a block that are tried at eight bits, of which little is worth cutting off. */
const fewShares = [1, 0.99, 0.98];
const smallest = 2 ** -126;

/** (q − zero point) · scale; see block-parameters.ts. */
export function scaledGrid(bits: BlockBits, symmetric: boolean): BlockGrid {
  const levels = 2 ** bits - 1;
  const middle = 2 ** (bits - 1);
  return {
    lowest: 0,
    highest: levels,
    anyStep: true,
    list({ values, start, count }, _column, result) {
      let low = 0;
      let high = 0;
      for (let i = start; i < start + count; i++) {
        if (values[i] < low) low = values[i];
        else if (values[i] > high) high = values[i];
      }
      const extreme = high > -low ? high : low;
      const full = Math.fround(symmetric ? -extreme / middle : (high - low) / levels);
      result.count = 0;
      if (Math.abs(full) < smallest) {
        result.add(1, symmetric ? middle : 0, 0);
        return;
      }
      for (const share of bits === 8 ? fewShares : rangeShares(bits)) {
        const step = Math.fround(full * share);
        if (symmetric) {
          result.add(step, middle, 0);
          result.add(-step, middle, 0);
        } else result.add(step, Math.min(Math.max(Math.round((-low * share) / step), 0), levels), 0);
      }
    },
  };
}
