// Where students come from.
export { cutLayers } from './cut-layers.js';
export { initializeWeights } from './initialize.js';
export { replaceGraph } from './replace-graph.js';
