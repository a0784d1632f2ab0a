// The recipes of `dsopt distill` and `dsopt heal`.
import { usageError } from '../errors.js';
import type { Pass } from '../pass/index.js';
import { preparationSteps, stepsOf } from './cleanup-steps.js';
import type { ForeignStep } from './recipe.js';

/** What makes a network narrower; each skips what it has no part in. */
const narrowing = ['prune-channels', 'prune-heads', 'prune-neurons'];

/** The steps of `dsopt distill` and `dsopt heal`: training, then what nothing uses goes. `width:0.5` students are pruned first. */
export function trainingSteps(
  passes: readonly Pass[],
  name: 'distill' | 'heal',
  { student, ...given }: Readonly<Record<string, unknown>>,
): ForeignStep[] {
  // There is nothing else that would stand without the training.
  const options = { untrainable: 'refused', ...given };
  const [training] = stepsOf(passes, [name]);
  const end = stepsOf(passes, ['eliminate-dead']);
  const width = typeof student === 'string' ? parseWidth(student) : null;
  if (width === null) return [{ ...options, ...(student !== undefined && { student }), ...training }, ...end];
  const ratio = Math.round(1e6 * (1 - width)) / 1e6;
  const narrow = stepsOf(passes, narrowing).map((step) => ({ ratio, ...step }));
  return [...preparationSteps(passes), ...narrow, { ...options, ...training }, ...end];
}

/** `width:0.5` → 0.5; null for other students. Throws USAGE for no share. */
function parseWidth(student: string): number | null {
  if (!student.startsWith('width:')) return null;
  const width = Number(student.slice('width:'.length));
  if (width > 0 && width < 1) return width;
  throw usageError(`${student} is no share of the width`, 'Write it like width:0.5.');
}
