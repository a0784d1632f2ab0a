// The recipe of `dsopt prune`.
import type { Pass } from '../pass/index.js';
import { cleanupSteps, preparationSteps } from './cleanup-steps.js';
import type { ForeignStep } from './recipe.js';

/** What `--granularity` can be, and the pass that does it. */
export const pruneGranularities = {
  weights: 'prune-weights',
  channels: 'prune-channels',
  heads: 'prune-heads',
  neurons: 'prune-neurons',
  layers: 'prune-layers',
  vocabulary: 'prune-vocabulary',
} as const;

export type PruneGranularity = keyof typeof pruneGranularities;

/** Cleanup, the pass of `granularity` with `options`, cleanup. Identical weights are not joined: pruned apart, they differ. */
export function pruneSteps(
  passes: readonly Pass[],
  granularity: PruneGranularity,
  options: Readonly<Record<string, unknown>>,
): ForeignStep[] {
  const pass = passes.find(({ name }) => name === pruneGranularities[granularity]);
  // Rotary embeddings cut heads at half of a length that must be known as a number.
  const before = preparationSteps(passes).map((step) =>
    typeof step.pass !== 'string' && step.pass.name === 'fold-constants' ? { ...step, followTargets: true } : step,
  );
  return [...before, ...(pass ? [{ ...options, pass }] : []), ...cleanupSteps(passes)];
}
