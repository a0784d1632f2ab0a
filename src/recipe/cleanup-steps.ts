// What surrounds the pass that a command is about: cleanup before it and behind it.
import type { Pass } from '../pass/index.js';
import type { ForeignStep } from './recipe.js';

/**
 * Brings weights into the open before they are quantized: constants become initializers and are folded together with what is
 * computed from them, then nodes without effect go, and normalization moves into the weights. Identical weights are joined
 * before and after, since tied ones must be quantized once.
 */
const before = [
  'unpack-constants',
  'fold-constants',
  'eliminate-identity',
  'fuse-batchnorm',
  'eliminate-dead',
  'deduplicate-initializers',
];
const after = ['eliminate-dead', 'strip-documentation'];

/** What commands do before the pass that they are about. */
export function preparationSteps(passes: readonly Pass[]): ForeignStep[] {
  return stepsOf(passes, before);
}

/** What commands do with what a pass left behind. */
export function cleanupSteps(passes: readonly Pass[]): ForeignStep[] {
  return stepsOf(passes, after);
}

/** A step with its defaults for each of the passes `names` that there are. */
export function stepsOf(passes: readonly Pass[], names: readonly string[]): ForeignStep[] {
  return names.flatMap((name) => passes.filter((pass) => pass.name === name)).map((pass) => ({ pass }));
}
