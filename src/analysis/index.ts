// What is derived from a model.
export { propagateShapes } from './shapes/propagate-shapes.js';
