export type { Engine, Feeds, ProfileEvent, Session, SessionOptions, ValueInfo } from './engine.js';
export { MatrixProducts } from './matrix-products.js';
export { createOnnxRuntimeEngine, type OnnxRuntimeEngineOptions, optimizeModel } from './onnxruntime/index.js';
export { createOnnxRuntimeWebEngine, type OnnxRuntimeWebEngineOptions } from './onnxruntime-web/index.js';
export {
  backendPackages,
  createTfjsEngine,
  findGpuBackend,
  isInstalled,
  loadTfjs,
  type Tfjs,
  type TfjsBackend,
  tfjsBackends,
} from './tfjs/index.js';
