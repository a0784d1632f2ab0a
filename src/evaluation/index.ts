// Task metrics of models on data, with their uncertainty, and how models differ.

export { readResult, runEvalCommand } from './eval-command.js';
export { type EvaluateOptions, type EvaluationResult, evaluate, requireMetric, suitableMetric } from './evaluate.js';
export {
  type Checkpoint,
  type EvaluatedMetric,
  type EvaluatedModel,
  type EvaluateModelsOptions,
  type Evaluation,
  type EvaluationState,
  evaluateModels,
  type ModelEvaluation,
} from './evaluate-models.js';
export { type Drop, dropOf, formatMaxDrop, type MaxDrop, parseMaxDrop } from './max-drop.js';
export { type OutputKind, outputKind } from './output-kind.js';
