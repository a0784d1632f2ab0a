// Editing graphs safely.
export { type InsertOptions, NodeInserter } from './node-inserter.js';
export { replaceNode } from './replace-node.js';
