export { type BenchmarkOptions, type BenchmarkResult, benchmark, type ModelMeasurement } from './benchmark.js';
export { canMeasure } from './measurable.js';
export { type MeasuredEngine, measuredEngines } from './protocol.js';
export type { LatencySummary, RatioSummary } from './summary.js';
export { type TransferSize, transferSize } from './transfer-size.js';
export { trialRun } from './trial-run.js';
