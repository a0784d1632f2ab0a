// Pruning: what units of a model are worth, how many of each group go, and what is left is refitted.
export { chooseBlocks } from './choose-blocks.js';
export { interceptOf, normalEquations } from './least-squares.js';
export { Lockstep } from './lockstep.js';
export { samplesOrMadeUp } from './made-up-samples.js';
export { observeTargets } from './observe-targets.js';
export { pruneGroups } from './prune-groups.js';
export { reconstructFrom } from './reconstruct.js';
export { ridgeOf, transposed } from './refit.js';
export { repairGaps } from './repair-gaps.js';
export { replaceRows } from './replace-rows.js';
export { structuredOptions } from './structured-options.js';
export { divergences, firstOf, type Variant } from './variants.js';
