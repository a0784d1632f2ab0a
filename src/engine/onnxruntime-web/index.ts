export { createOnnxRuntimeWebEngine, type OnnxRuntimeWebEngineOptions } from './engine.js';
