// Training of students by their teachers: losses, optimizers, the loop.
export { type TrainingOptions, trainingOptions } from './options.js';
export { cutLayers, initializeWeights, replaceGraph } from './students/index.js';
export { type TrainingResult, train } from './train.js';
export { examplesFor, openTeacher, trainInPass } from './train-in-pass.js';
