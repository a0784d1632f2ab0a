// Data for models: samples from images, arrays, text, audio and modules, fitted to the inputs of a model and batched.

export { joinSamples, type Padding, stack } from './batch.js';
export {
  type DataOptions,
  dataOptions,
  locateDataOptions,
  type ParsedDataOptions,
  pathOptions,
} from './data-options.js';
export type {
  ClassTargets,
  DataKind,
  Dataset,
  ModelInterface,
  Sample,
  StatePair,
  Targets,
  TensorTargets,
  TextExtent,
} from './dataset.js';
export { fitSample } from './fit.js';
export { type OpenDatasetOptions, openDataset } from './open-dataset.js';
export { completeFeeds, pairStates, StateFeeder } from './state.js';
