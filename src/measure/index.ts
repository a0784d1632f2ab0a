export { type BenchmarkOptions, type BenchmarkResult, benchmark, type ModelMeasurement } from './benchmark.js';
export type { LatencySummary, RatioSummary } from './summary.js';
