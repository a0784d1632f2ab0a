// Where students come from.
export { initializeWeights } from './initialize.js';
export { replaceGraph } from './replace-graph.js';
