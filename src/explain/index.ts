// What each node of a model costs, and what it would cost to quantize it.
export type { Effect, Figure, MetricFigure } from './effect.js';
export { defaultBits, type ExplainOptions, explain } from './explain.js';
export type {
  ExplainedMethod,
  ExplainedNode,
  ExplainModelOptions,
  Explanation,
  Method,
} from './explain-model.js';
export { selectorOf } from './keep-list.js';
export { blockSize, otherOperators, roundWeights } from './round-weights.js';
