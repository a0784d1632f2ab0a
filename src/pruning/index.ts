// Pruning: what units of a model are worth, how many of each group go, and what is left is refitted.
export { interceptOf, normalEquations } from './least-squares.js';
export { pruneGroups } from './prune-groups.js';
export { type Comparison, observeTargets, replaceRows, ridgeOf, transposed } from './refit.js';
export { structuredOptions } from './structured-options.js';
export { divergences, type Variant } from './variants.js';
