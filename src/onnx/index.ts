export { loadModel } from './load.js';
export { encodeToBytes, type SaveOptions, type StagedModel, saveModel, stageModel } from './save.js';
