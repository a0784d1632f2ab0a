// Pruning: what units of a model are worth, how many of each group go, and what is left is refitted.
export { chooseBlocks } from './blocks/choose-blocks.js';
export { repairGaps } from './blocks/repair-gaps.js';
export { divergences, firstOf, type Variant } from './budget/variants.js';
export { pruneGroups } from './prune-groups.js';
export { interceptOf, normalEquations } from './repair/least-squares.js';
export { Lockstep } from './repair/lockstep.js';
export { observeTargets } from './repair/observe-targets.js';
export { reconstructFrom } from './repair/reconstruct.js';
export { ridgeOf, transposed } from './repair/refit.js';
export { replaceRows } from './repair/replace-rows.js';
export { structuredOptions } from './structured-options.js';
export { samplesOrMadeUp } from './units/made-up-samples.js';
