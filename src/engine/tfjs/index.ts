export { backendPackages, type TfjsBackend, tfjsBackends } from './backend.js';
export { createTfjsEngine } from './engine.js';
