// A matrix [K, N] rounded block by block: the parameters of every block and the integers, in whatever form weights are stored.
import { type BlockCriterion, type ColumnBlock, levelOf } from '../blocks/block-criterion.js';
import type { RoundingGrid } from '../rounding/error-compensation.js';
import { BlockCandidates, type BlockGrid } from './block-grid.js';

/** Rounds of choosing levels for the step and the step for the levels; each must gain something. */
const mostRounds = 4;

export class MatrixRounding implements RoundingGrid {
  /** [K, N], as low bytes: signed where the grid is. */
  readonly integers: Uint8Array;
  /** [blocks, N], as are the others. */
  readonly steps: Float64Array;
  readonly zeroPoints: Uint8Array;
  readonly multipliers: Int8Array;
  private readonly grid: BlockGrid;
  private readonly criterion: BlockCriterion;
  private readonly n: number;
  private readonly blockSize: number;
  private readonly candidates = new BlockCandidates();

  constructor([k, n]: readonly [number, number], blockSize: number, grid: BlockGrid, criterion: BlockCriterion) {
    const blocks = Math.ceil(k / blockSize) * n;
    this.integers = new Uint8Array(k * n);
    this.steps = new Float64Array(blocks);
    this.zeroPoints = new Uint8Array(blocks);
    this.multipliers = new Int8Array(blocks);
    this.n = n;
    this.blockSize = blockSize;
    this.grid = grid;
    this.criterion = criterion;
  }

  fit(weights: Float32Array, from: number, to: number): void {
    const { n } = this;
    const count = to - from;
    const values = new Float32Array(count);
    const block: ColumnBlock = { values, start: 0, count, first: from };
    const index = Math.floor(from / this.blockSize) * n;
    for (let column = 0; column < n; column++) {
      for (let row = 0; row < count; row++) values[row] = weights[(from + row) * n + column];
      this.choose(block, column, index + column);
    }
  }

  private choose(block: ColumnBlock, column: number, index: number): void {
    const { grid, criterion, candidates } = this;
    grid.list(block, column, candidates);
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < candidates.count; i++) {
      const zeroPoint = candidates.zeroPoints[i];
      const cost = criterion.cost(block, candidates.steps[i], grid.lowest - zeroPoint, grid.highest - zeroPoint);
      if (cost < least) {
        least = cost;
        best = i;
      }
    }
    const zeroPoint = candidates.zeroPoints[best];
    let step = candidates.steps[best];
    for (let round = 0; grid.anyStep && round < mostRounds; round++) {
      const [lowest, highest] = [grid.lowest - zeroPoint, grid.highest - zeroPoint];
      const better = Math.fround(criterion.betterStep(block, step, lowest, highest) ?? 0);
      const cost = Math.abs(better) < 2 ** -126 ? least : criterion.cost(block, better, lowest, highest);
      if (!(cost < least)) break;
      least = cost;
      step = better;
    }
    this.steps[index] = step;
    this.zeroPoints[index] = zeroPoint;
    this.multipliers[index] = candidates.multipliers[best];
  }

  round(k: number, row: Float32Array, decoded: Float32Array): void {
    const { n, steps, zeroPoints, integers, grid } = this;
    const first = Math.floor(k / this.blockSize) * n;
    for (let column = 0; column < n; column++) {
      const step = steps[first + column];
      const zeroPoint = zeroPoints[first + column];
      const level = levelOf(row[column], 1 / step, grid.lowest - zeroPoint, grid.highest - zeroPoint);
      integers[k * n + column] = level + zeroPoint;
      decoded[column] = level * step;
    }
  }

  /** Chooses parameters for all blocks and rounds every row to the nearest. */
  roundAll(weights: Float32Array): void {
    const { n, blockSize } = this;
    const k = weights.length / n;
    const decoded = new Float32Array(n);
    for (let from = 0; from < k; from += blockSize) {
      const to = Math.min(from + blockSize, k);
      this.fit(weights, from, to);
      for (let row = from; row < to; row++) this.round(row, weights.subarray(row * n, (row + 1) * n), decoded);
    }
  }

  /** What the integers stand for [K, N]. */
  decode(): Float32Array {
    const { n, integers, steps, zeroPoints, grid } = this;
    const result = new Float32Array(integers.length);
    const signed = grid.lowest < 0;
    for (let i = 0; i < result.length; i++) {
      const index = Math.floor(i / n / this.blockSize) * n + (i % n);
      const integer = signed ? (integers[i] << 24) >> 24 : integers[i];
      result[i] = (integer - zeroPoints[index]) * steps[index];
    }
    return result;
  }
}
