// The recipe of `dsopt decompose`: its methods, and the pass of each.
import type { Pass } from '../pass/index.js';
import { cleanupSteps, preparationSteps, stepsOf } from './cleanup-steps.js';
import type { ForeignStep } from './recipe.js';

export type DecomposeMethod = 'auto' | 'low-rank' | 'tucker' | 'spatial' | 'share-basis';

/** Ways to decompose, and the pass that does it. */
export const decomposeMethods: Readonly<Record<DecomposeMethod, string>> = {
  auto: 'decompose',
  'low-rank': 'low-rank',
  tucker: 'tucker',
  spatial: 'spatial',
  'share-basis': 'share-basis',
};

/** The steps of `dsopt decompose`: cleanup, the pass of `method` with `options`, cleanup. */
export function decomposeSteps(
  passes: readonly Pass[],
  method: DecomposeMethod,
  options: Readonly<Record<string, unknown>>,
): ForeignStep[] {
  const [decompose] = stepsOf(passes, [decomposeMethods[method]]);
  return [...preparationSteps(passes), { ...options, ...decompose }, ...cleanupSteps(passes)];
}
