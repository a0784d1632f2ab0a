export {
  backendPackages,
  findGpuBackend,
  isInstalled,
  loadTfjs,
  type Tfjs,
  type TfjsBackend,
  tfjsBackends,
} from './backend.js';
export { createTfjsEngine } from './engine.js';
