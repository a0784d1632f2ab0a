export { createOnnxRuntimeEngine, type OnnxRuntimeEngineOptions } from './engine.js';
export { optimizeModel } from './optimize-model.js';
