export { createReport, type RunFacts } from './facts/create-report.js';
export { describeEnvironment, dsoptVersion, installedVersion } from './facts/environment.js';
export { constantsOf, describeModel, modelFileBytes } from './facts/model-facts.js';
export { groupWeights } from './facts/weight-groups.js';
export { type WeightUse, weightUses } from './facts/weight-uses.js';
export { describeFidelity } from './format/describe-fidelity.js';
export * from './format/format.js';
export { formatDifference, type MetricFigure } from './format/format-metric.js';
export { groupReasons, type SkipGroup } from './format/skip-reasons.js';
export { summaryLine, worstCosine } from './format/summary-line.js';
export { type Alignment, alignColumns, printable } from './format/text-table.js';
export { renderReport } from './render-report.js';
export type { BenchmarkReport } from './schema/benchmark-report.js';
export type { ComparisonReport } from './schema/comparison-report.js';
export type {
  CompressionReport,
  Fidelity,
  ModelFacts,
  PassFacts,
  Speed,
  Transfer,
} from './schema/compression-report.js';
export type { DoctorReport } from './schema/doctor-report.js';
export type { Environment } from './schema/environment-facts.js';
export type { ErrorReport } from './schema/error-report.js';
export type { CompressionEvaluation, EvaluationReport } from './schema/evaluation-report.js';
export type { ExplanationReport } from './schema/explanation-report.js';
export type { InspectionReport } from './schema/inspection-report.js';
export type { NodeComparison, WeightGroups } from './schema/node-comparison.js';
export { schemaName } from './schema/schema-name.js';
export { type Target, targets } from './schema/target.js';
export { renderBenchmark } from './text/render-benchmark.js';
export { renderComparison } from './text/render-comparison.js';
export { evaluationLines, renderEvaluation } from './text/render-evaluation.js';
export { renderExplanation } from './text/render-explanation.js';
export { renderInspection } from './text/render-inspection.js';
export { renderMarkdown } from './text/render-markdown.js';
export { renderDetails, renderTerminal } from './text/render-terminal.js';
