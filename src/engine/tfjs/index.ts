export { backendPackages, findGpuBackend, isInstalled, loadTfjs, type TfjsBackend, tfjsBackends } from './backend.js';
export { createTfjsEngine } from './engine.js';
