// Editing graphs safely.
export { bypass, whyNotBypassed } from './bypass.js';
export { computeInFloat32, whyNotInFloat32 } from './compute-in-float32.js';
export { initializerOwners, ownerOf, removeUnusedConstant } from './constant-owners.js';
export { dropUnused } from './drop-unused.js';
export { exposeValues } from './expose-values.js';
export { extractPart, valuesByName } from './extract-part.js';
export { keepOutputs } from './keep-outputs.js';
export { type InsertOptions, NodeInserter } from './node-inserter.js';
export { replaceNode } from './replace-node.js';
