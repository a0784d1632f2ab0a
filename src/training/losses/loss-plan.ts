// Which values of student and teacher each loss compares, found by structure: logits by outputs, features by residual sums, attention by its Softmax.

import { findAttention, findResidualSums } from '../../analysis/index.js';
import { unsupportedModel, usageError } from '../../errors.js';
import type { Model } from '../../ir/index.js';
import { mapLayers, parseMapping } from './layer-mapping.js';
import { findLogits } from './logits.js';
import type { LossName, WeightedLoss } from './loss-weights.js';

/** Names of the values that are compared; `teacher` is missing for right answers. */
export interface ComparedPair {
  readonly student: string;
  readonly teacher: string | null;
}

export interface PlannedLoss {
  readonly name: LossName;
  readonly weight: number;
  readonly pairs: readonly ComparedPair[];
}

/** At most so many pairs of features or attention: more of them say the same. */
const mostPairs = 6;

/** Throws MODEL_UNSUPPORTED where a model has nothing that a loss could compare. */
export function planLosses(
  student: Model,
  teacher: Model | null,
  losses: readonly WeightedLoss[],
  mapping = 'uniform',
): PlannedLoss[] {
  return losses.map(({ name, weight }) => ({ name, weight, pairs: pairsOf(name, student, teacher, mapping) }));
}

function pairsOf(name: LossName, student: Model, teacher: Model | null, mapping: string): ComparedPair[] {
  const logits = findLogits(student);
  if (!logits) throw unsupportedModel('The student has no output of float32 to train');
  if (name === 'labels') return [{ student: logits.name, teacher: null }];
  if (!teacher) throw unsupportedModel(`The loss ${name} needs a teacher`);
  if (name === 'logits') {
    const own = teacher.graph.outputs.find((output) =>
      student.graph.outputs.some((other) => other.name === output.name),
    );
    const other = findLogits(teacher, own?.name);
    if (!other) throw unsupportedModel('The teacher has no output of float32');
    return [{ student: logits.name, teacher: other.name }];
  }
  const find = name === 'attention' ? findAttention : findResidualSums;
  const [own, others] = [student, teacher].map(({ graph }) => find(graph).map((node) => node.output.name));
  if (own.length === 0 || others.length === 0) {
    const missing = name === 'attention' ? 'attention' : 'residual blocks';
    throw unsupportedModel(`The loss ${name} finds no ${missing} in the ${own.length === 0 ? 'student' : 'teacher'}`);
  }
  const positions = mapLayers(parseMapping(mapping) ?? 'uniform', own.length, others.length);
  if (!positions) {
    throw usageError(
      `The mapping ${mapping} names blocks that are not there: the student has ${own.length} for ${name}, the teacher ${others.length}`,
    );
  }
  const all = positions.map(([a, b]) => ({ student: own[a], teacher: others[b] }));
  // The last ones are kept, and others evenly before them.
  const count = Math.min(mostPairs, all.length);
  return Array.from({ length: count }, (_, i) => all[Math.round(((i + 1) * all.length) / count) - 1]);
}
