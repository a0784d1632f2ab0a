// Quantization within limits: which operators are kept with more digits so that a metric, size or latency stays what was asked for.
export type { Attempt, AttemptPurpose } from './attempt.js';
export type { LimitedMode } from './keeping.js';
export { type Budget, quantizeWithinBudget } from './within-budget.js';
export { type Found, quantizeWithinDrop } from './within-drop.js';
