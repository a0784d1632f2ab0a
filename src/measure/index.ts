export { type BenchmarkOptions, type BenchmarkResult, benchmark, type ModelMeasurement } from './benchmark.js';
export { canMeasure } from './measurable.js';
export type { LatencySummary, RatioSummary } from './summary.js';
