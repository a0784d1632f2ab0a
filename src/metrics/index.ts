// Figures that tell how good a model is at its task, and how far from its original.

export { BootstrapWeights } from './bootstrap.js';
export {
  type ClassRows,
  isInTop,
  klDivergence,
  negativeLogLikelihood,
  type RowLayout,
  readClassRows,
} from './class-rows.js';
export { elementValues } from './element-values.js';
export { type Fidelity, FidelityMeter } from './fidelity.js';
export type { Interval } from './interval.js';
export { findMetric, type Metric, metricNames, metrics } from './metric.js';
export { type MeterState, type MetricDifference, MetricMeter, type MetricValue } from './metric-meter.js';
export {
  type AnswerScore,
  type Comparison,
  type Distance,
  DistanceSum,
  type Observation,
} from './observation.js';
