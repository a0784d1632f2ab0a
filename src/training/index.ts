// Training of students by their teachers: losses, optimizers, the loop.

export { type TrainingBackend, trainingBackends } from './backend.js';
export { examplesAtOnce } from './examples/examples-at-once.js';
export { fisherInformation } from './importance/fisher-information.js';
export { rowInformation } from './importance/row-information.js';
export {
  type ImportanceOptions,
  type JudgedValue,
  type TaylorOrder,
  taylorImportance,
} from './importance/taylor-importance.js';
export { locatePath, locateTrainingOptions } from './locate-options.js';
export { type TrainingOptions, trainingOptions } from './options.js';
export { initializeWeights, replaceGraph } from './students/index.js';
export { train } from './train.js';
export { examplesFor, openTeacher, reasonOf, trainInPass } from './train-in-pass.js';
export type { TrainingResult } from './training-loop.js';
export { openTrainingStep, type TrainingStep } from './training-step.js';
