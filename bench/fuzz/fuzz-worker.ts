// The thread that tries damaged models, one number after the other; where it is can be seen from outside in shared memory.
import { parentPort, workerData } from 'node:worker_threads';
import { exerciseModel } from './exercise-model.js';
import { fuzzCase } from './fuzz-case.js';
import { type FuzzWork, slots } from './fuzz-work.js';

const { files, seed, first, last, progress } = workerData as FuzzWork;
const state = new Int32Array(progress);
parentPort?.postMessage('ready');
for (let index = first; index < last; index++) {
  Atomics.store(state, slots.current, index);
  const attempt = fuzzCase(files, seed, index);
  Atomics.add(state, slots.mutatedBytes, attempt.edits);
  Atomics.add(state, slots[await exerciseModel(attempt.bytes)], 1);
}
Atomics.store(state, slots.current, last);
