export { createWorkers, inlineWorkers, type Task, type Workers } from './workers.js';
