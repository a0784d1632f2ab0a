export { removeDocumentation } from './documentation.js';
export { encodeWithReferences, type ReferencedModel } from './encode-with-references.js';
export { loadModel } from './load.js';
export { encodedLength, encodeToBytes, type SaveOptions, type StagedModel, saveModel, stageModel } from './save.js';
