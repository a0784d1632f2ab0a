// Weights as products of smaller ones: which ranks, by which metric, and what takes the place of an operator.

export { families } from './decompositions/factorize-task.js';
export type { Choice, Family, FamilyName, Stage } from './decompositions/family.js';
export { largeChoices, largeFactors } from './decompositions/large-low-rank.js';
export type { OperatorShape, WeightGroup } from './decompositions/problem.js';
export { variationalRank } from './decompositions/variational-rank.js';
export { factorize } from './factorize.js';
export { type FactorizationOptions, factorizationSchema } from './options.js';
export { type Allocation, type Alternative, allocate } from './ranks/allocate.js';
export { fitToTargets } from './repair/least-squares.js';
export { applyStages } from './rewriting/apply-stages.js';
export { sharingSchema } from './share-options.js';
export { shareBases } from './sharing/share-basis.js';
