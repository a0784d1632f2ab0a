// Which residual blocks go: the one that matters least, then the one that matters least without it, and so on; scores of blocks that are left
// out alone add up badly.
import type { ResidualBlock } from '../../analysis/index.js';
import type { Model } from '../../ir/index.js';
import type { TrialOptions } from '../budget/variants.js';
import { type BlockImportance, blockScores, cut } from './block-scores.js';

export interface ChosenBlock {
  /** Number of the block. */
  readonly index: number;
  readonly score: number;
}

export interface ChooseBlocksOptions extends Omit<TrialOptions, 'onTrial'> {
  readonly importance: BlockImportance;
  /** Numbers of the blocks that may go; default all. */
  readonly candidates?: readonly number[];
  /** Whether what is gone, and the model without it, is enough. */
  enough(removed: readonly number[], model: Model): boolean;
  onTrial?(done: number): void;
}

/** The blocks that go, in this order; all candidates where that is not enough. `model` stays as it is. */
export async function chooseBlocks(
  model: Model,
  blocks: readonly ResidualBlock[],
  { importance, candidates = [...blocks.keys()], enough, onTrial, ...options }: ChooseBlocksOptions,
): Promise<ChosenBlock[]> {
  const chosen: ChosenBlock[] = [];
  let tried = 0;
  for (;;) {
    const removed = chosen.map(({ index }) => index);
    const current = cut(model, blocks, removed);
    const left = candidates.filter((index) => !removed.includes(index));
    if (left.length === 0 || enough(removed, current.model)) return chosen;
    const before = tried;
    const scores = await blockScores(importance, model, current, left, {
      ...options,
      onTrial: (done) => {
        tried = before + done;
        onTrial?.(tried);
      },
    });
    const least = scores.reduce((best, score, at) => (score < scores[best] ? at : best), 0);
    chosen.push({ index: left[least], score: scores[least] });
  }
}
