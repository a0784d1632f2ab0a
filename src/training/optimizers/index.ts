// Optimizers on typed arrays.
export { Adam } from './adam.js';
export { addGradients, gradientNorm, scaleGradients, updateAverage } from './gradients.js';
export { Momentum } from './momentum.js';
export type { Optimizer, OptimizerState, Weights } from './optimizer.js';
export { rateAt, type Schedule } from './schedule.js';
