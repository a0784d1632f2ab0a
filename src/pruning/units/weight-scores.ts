// Scores of units by the weights that make them, summed over everything that goes with a unit.
import type { Model, Node } from '../../ir/index.js';
import type { Random } from '../../numeric/index.js';
import type { PrunableGroup } from './group-kind.js';
import { unitVectors } from './unit-vectors.js';
import { type VectorImportance, vectorScores } from './vector-importance.js';

export type WeightImportance = VectorImportance | 'batchnorm-scale' | 'random';

/** One score a unit: of each weight relative to the mean over the units, then averaged, so that no weight drowns the others. */
export function weightScores(
  group: PrunableGroup,
  model: Model,
  importance: WeightImportance,
  random: Random,
): Float64Array {
  const scores = new Float64Array(group.units.length);
  if (importance === 'random') return scores.map(() => random.next());
  const parts =
    importance === 'batchnorm-scale'
      ? group.parts.filter(({ operand: { node, index } }) => isScale(node, index))
      : group.parts.filter(({ role }) => role === 'produced');
  // A group without BatchNormalization is judged by its filters.
  const judged = parts.length > 0 ? parts : group.parts.filter(({ role }) => role === 'produced');
  for (const part of judged) {
    const vectors = unitVectors(part, model);
    if (!vectors) continue;
    const own = vectorScores(vectors, importance === 'batchnorm-scale' ? 'l1' : importance);
    const mean = own.reduce((sum, score) => sum + score, 0) / own.length;
    for (const [unit, score] of own.entries()) scores[unit] += mean > 0 ? score / mean / judged.length : 0;
  }
  return scores;
}

function isScale(node: Node, index: number): boolean {
  return node.is('BatchNormalization', 'InstanceNormalization', 'GroupNormalization') && index === 1;
}

/** Units in ascending order of their scores, equal ones as they come. */
export function ascending(scores: ArrayLike<number>): number[] {
  return Array.from({ length: scores.length }, (_, unit) => unit).sort((a, b) => scores[a] - scores[b] || a - b);
}
