export { loadModel } from './load.js';
export { encodedLength, encodeToBytes, type SaveOptions, type StagedModel, saveModel, stageModel } from './save.js';
