export { createOnnxRuntimeEngine, type OnnxRuntimeEngineOptions } from './engine.js';
