// What each node of a model costs, and what it would cost to quantize it.
export type { Effect, Figure, MetricFigure } from './effect.js';
export { defaultBits, type ExplainOptions, explain } from './explain.js';
export {
  type ExplainedMethod,
  type ExplainedNode,
  type ExplainModelOptions,
  type Explanation,
  explainModel,
  type Method,
} from './explain-model.js';
export { blockSize, roundWeights } from './round-weights.js';
export { syntheticDataset } from './synthetic-dataset.js';
