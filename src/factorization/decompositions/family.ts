// A way to factorize: which ranks it offers for an operator and what each costs, and the factors of the ranks that were chosen.
import type { Matrix } from '../../numeric/index.js';
import type { OperatorShape, WeightGroup } from './problem.js';

export type FamilyName = 'low-rank' | 'tucker' | 'spatial';

/** A way to factorize an operator, its ranks, and what they cost. */
export interface Choice {
  readonly family: FamilyName;
  readonly ranks: readonly number[];
  readonly parameters: number;
  /** Multiply-accumulates at the positions of the shape. */
  readonly macs: number;
  /** In the metric of the weights, over all groups. */
  readonly error: number;
}

/** One operator of the chain that replaces the original, the first first. */
export interface Stage {
  /** One matrix a group: rows are the stage's output channels, columns its input channels × elements of its kernel. */
  readonly weights: readonly Matrix[];
  /** Which axes of the original's kernel, strides, pads and dilations it takes over; none: 1 × 1 at stride 1. */
  readonly axes: readonly boolean[];
}

/** A stage without its weights. */
export interface StageOutline {
  /** Of one group. */
  readonly rows: number;
  readonly columns: number;
  readonly axes: readonly boolean[];
  /** How often it is applied in one inference. */
  readonly positions: number;
}

export interface Family {
  readonly name: FamilyName;
  /** Why this operator cannot be factorized; null when it can. */
  obstacle(shape: OperatorShape): string | null;
  /** `multiple`: what ranks are multiples of, where the operator is large enough. */
  choices(shape: OperatorShape, groups: readonly WeightGroup[], multiple: number): readonly Choice[];
  outline(shape: OperatorShape, ranks: readonly number[]): readonly StageOutline[];
  factors(shape: OperatorShape, groups: readonly WeightGroup[], ranks: readonly number[]): readonly Stage[];
  /** Ranks that noise does not explain (see `variationalRank`). */
  noiseFreeRanks(shape: OperatorShape, groups: readonly WeightGroup[]): readonly number[];
  /** Ranks that reproduce the weights. */
  fullRanks(shape: OperatorShape): readonly number[];
}

/** What these ranks cost. */
export function choiceOf(family: Family, shape: OperatorShape, ranks: readonly number[], error: number): Choice {
  let parameters = 0;
  let macs = 0;
  for (const { rows, columns, positions } of family.outline(shape, ranks)) {
    const own = shape.groups * rows * columns;
    parameters += own;
    macs += own * positions;
  }
  return { family: family.name, ranks, parameters, macs, error };
}

/** Multiples up to `most`, and `most` itself; every rank where there are only a few. */
export function rankSteps(most: number, multiple: number, count = Number.POSITIVE_INFINITY): number[] {
  const step = multiple * 2 > most ? 1 : multiple;
  const all: number[] = [];
  for (let rank = step; rank < most; rank += step) all.push(rank);
  all.push(most);
  if (all.length <= count) return all;
  return Array.from({ length: count }, (_, index) => all[Math.round(((index + 1) * all.length) / count) - 1]);
}

/**
 * Scales the rows of `first` and the columns of `second` against each other so that they have equal norms, in place: their product stays,
 * and neither is harder to quantize than the other. `columnsPerRow`: columns of `second` that one row of `first` feeds.
 */
export function balance(first: Matrix, second: Matrix, columnsPerRow = 1): void {
  for (let row = 0; row < first.rows; row++) {
    let before = 0;
    for (let i = row * first.columns; i < (row + 1) * first.columns; i++) before += first.data[i] ** 2;
    let after = 0;
    const from = row * columnsPerRow;
    for (let i = 0; i < second.rows; i++) {
      for (let j = from; j < from + columnsPerRow; j++) after += second.data[i * second.columns + j] ** 2;
    }
    if (!(before > 0 && after > 0)) continue;
    const factor = (after / before) ** 0.25;
    for (let i = row * first.columns; i < (row + 1) * first.columns; i++) first.data[i] *= factor;
    for (let i = 0; i < second.rows; i++) {
      for (let j = from; j < from + columnsPerRow; j++) second.data[i * second.columns + j] /= factor;
    }
  }
}
