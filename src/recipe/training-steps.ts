// The recipes of `dsopt distill` and `dsopt heal`.
import type { Pass } from '../pass/index.js';
import { stepsOf } from './cleanup-steps.js';
import type { ForeignStep } from './recipe.js';

/** The steps of `dsopt distill` and `dsopt heal`: training, then what nothing uses goes. */
export function trainingSteps(
  passes: readonly Pass[],
  name: 'distill' | 'heal',
  options: Readonly<Record<string, unknown>>,
): ForeignStep[] {
  const [training] = stepsOf(passes, [name]);
  return [{ ...options, ...training }, ...stepsOf(passes, ['eliminate-dead'])];
}
