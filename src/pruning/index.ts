// Pruning: what units of a model are worth, how many of each group go, and what is left is refitted.
export { pruneGroups } from './prune-groups.js';
export { structuredOptions } from './structured-options.js';
