// W ≈ B·A: a matrix product or 1 × 1 convolution into two of rank r.
import { columnsOf, type Matrix, multiplyTransposed } from '../../numeric/index.js';
import { balance, type Choice, choiceOf, type Family, rankSteps, type Stage, type StageOutline } from './family.js';
import { outputBasis, outputEnergies, tailSums } from './output-basis.js';
import { kernelElements, type OperatorShape, type WeightGroup } from './problem.js';
import { variationalRank } from './variational-rank.js';

export const lowRank: Family = {
  name: 'low-rank',
  obstacle(shape) {
    if (kernelElements(shape) > 1) return 'its kernel is larger than 1 × 1';
    return mostRank(shape) < 2 ? 'its weight has rank 1' : null;
  },
  choices(shape, groups, multiple) {
    return choicesByEnergies(shape, groups.map(outputEnergies), multiple);
  },
  outline({ inputChannels, outputChannels, groups, kernel, positions }, [rank]): readonly StageOutline[] {
    // A strided convolution strides in its first factor.
    const at = positions.output;
    return [
      { rows: rank, columns: inputChannels / groups, axes: kernel.map(() => true), positions: at },
      { rows: outputChannels / groups, columns: rank, axes: kernel.map(() => false), positions: at },
    ];
  },
  factors(shape, groups, [rank]): readonly Stage[] {
    const factors = groups.map((group) => {
      const second = columnsOf(outputBasis(group).basis, 0, rank);
      return { first: multiplyTransposed(second, group.weights), second };
    });
    return lowRankStages(shape, factors);
  },
  noiseFreeRanks(_shape, groups) {
    return [Math.max(...groups.map(({ weights }: WeightGroup) => variationalRank(weights)))];
  },
  fullRanks: (shape) => [mostRank(shape)],
};

/** One choice a rank, from the energies of each group's outputs. */
export function choicesByEnergies(
  shape: OperatorShape,
  energies: readonly Float64Array[],
  multiple: number,
): readonly Choice[] {
  const errors = energies.map(tailSums);
  return rankSteps(mostRank(shape), multiple).map((rank) => {
    const error = errors.reduce((sum, tails) => sum + tails[Math.min(rank, tails.length - 1)], 0);
    return choiceOf(lowRank, shape, [rank], error);
  });
}

/** `first` is rank × inputs, `second` outputs × rank, by group; both are balanced in place. */
export function lowRankStages(
  { kernel }: OperatorShape,
  factors: readonly { readonly first: Matrix; readonly second: Matrix }[],
): readonly Stage[] {
  for (const { first, second } of factors) balance(first, second);
  return [
    { weights: factors.map(({ first }) => first), axes: kernel.map(() => true) },
    { weights: factors.map(({ second }) => second), axes: kernel.map(() => false) },
  ];
}

function mostRank({ inputChannels, outputChannels, groups }: OperatorShape): number {
  return Math.min(inputChannels, outputChannels) / groups;
}
