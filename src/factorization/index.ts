// Weights as products of smaller ones: which ranks, by which metric, and what takes the place of an operator.
export { type Allocation, type Alternative, allocate } from './allocate.js';
export { applyStages } from './apply-stages.js';
export { factorize } from './factorize.js';
export { families } from './factorize-task.js';
export type { Choice, Family, FamilyName, Stage } from './family.js';
export { largeChoices, largeFactors } from './large-low-rank.js';
export { fitToTargets } from './least-squares.js';
export { type FactorizationOptions, factorizationSchema } from './options.js';
export type { OperatorShape, WeightGroup } from './problem.js';
export { shareBases } from './share-basis.js';
export { sharingSchema } from './share-options.js';
export { variationalRank } from './variational-rank.js';
