// Damages models by seeded mutations and lets dsopt read, check, inspect, quantize and write each: it must accept it, or refuse it
// with an error of its own, within 10 seconds of processor time and 1 GB. Ends with 1 if anything was found.
// Run: npm run bench:fuzz -- --seed 1 --bytes 1000000 fixtures/models ../shared/robust
// One case again: --first N --cases 1 --write damaged.onnx
import { statSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { modelFiles } from '../model-files.js';
import { fuzzCase } from './fuzz-case.js';
import { type FuzzWork, slots } from './fuzz-work.js';

const mostMilliseconds = 10_000;
const mostMegabytes = 1000;
/** Larger models only make the search slower. */
const mostModelBytes = 64 << 10;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    bytes: { type: 'string', default: '1000000' },
    first: { type: 'string', default: '0' },
    cases: { type: 'string', default: '1000000000' },
    write: { type: 'string' },
  },
});
const files = modelFiles(positionals).filter((path) => statSync(path).size <= mostModelBytes);
if (files.length === 0) throw new Error('Pass folders of models');
const [seed, first, cases, wantedBytes] = [values.seed, values.first, values.cases, values.bytes].map(Number);
const last = first + cases;
if (values.write) {
  const { file, bytes } = fuzzCase(files, seed, first);
  writeFileSync(values.write, bytes);
  process.stdout.write(`${values.write} is ${file} after mutation ${first} of seed ${seed}\n`);
}

const state = new Int32Array(new SharedArrayBuffer(64));
const started = performance.now();
let largest = 0;
let found = 0;
let next = first;
while (next < last && !isEnough()) {
  const finding = await run(next);
  next = state[slots.current];
  if (finding === null) continue;
  found++;
  process.stdout.write(`case ${next} (${fuzzCase(files, seed, next).file}): ${finding}\n`);
  next++;
}
process.stdout.write(
  `seed ${seed}, cases ${first} to ${next - 1}: ${state[slots.mutatedBytes]} mutated bytes in ${files.length} models, ` +
    `${state[slots.accepted]} accepted, ${state[slots.refused]} refused, ${found} found, ` +
    `${Math.round((performance.now() - started) / 1000)} s, at most ${Math.round(largest / 1e6)} MB\n`,
);
process.exitCode = found > 0 ? 1 : 0;

function isEnough(): boolean {
  return Atomics.load(state, slots.mutatedBytes) >= wantedBytes;
}

/** Of all threads: on a busy machine time alone says little. */
function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Goes on from case `start` until enough bytes were mutated; gives what went wrong at the current case, or null. */
async function run(start: number): Promise<string | null> {
  const work: FuzzWork = { files, seed, first: start, last, progress: state.buffer as SharedArrayBuffer };
  const worker = new Worker(new URL('./fuzz-worker.js', import.meta.url), {
    workerData: work,
    resourceLimits: { maxOldGenerationSizeMb: 512, stackSizeMb: 4 },
  });
  Atomics.store(state, slots.current, start);
  // Loading the code does not count.
  let seen = { index: start, since: Number.POSITIVE_INFINITY };
  worker.once('message', () => {
    seen = { index: start, since: cpuMilliseconds() };
  });
  return new Promise((resolve) => {
    let finished = false;
    const finish = (result: string | null): void => {
      if (finished) return;
      finished = true;
      clearInterval(watchdog);
      void worker.terminate().then(() => resolve(result));
    };
    const watchdog = setInterval(() => {
      const index = Atomics.load(state, slots.current);
      largest = Math.max(largest, process.memoryUsage.rss());
      if (index !== seen.index) seen = { index, since: cpuMilliseconds() };
      else if (cpuMilliseconds() - seen.since > mostMilliseconds)
        finish(`takes more than ${mostMilliseconds / 1000} s`);
      if (largest > mostMegabytes * 1e6) finish(`takes more than ${mostMegabytes} MB`);
      else if (isEnough()) finish(null);
    }, 200);
    worker.on('error', (error) => finish(error instanceof Error ? (error.stack ?? error.message) : String(error)));
    worker.on('exit', (code) => finish(state[slots.current] < last ? `ends the thread with ${code}` : null));
  });
}
