// Measures models side by side: each in a process of its own, in turns, so that what disturbs the machine disturbs them alike.
import { resolve } from 'node:path';
import { throwIfAborted, usageError } from '../errors.js';
import { ModelProcess } from './model-process.js';
import type { MeasuredEngine, Replies } from './protocol.js';
import { type LatencySummary, quantiles, type RatioSummary, summarizeLatencies, summarizeRatio } from './summary.js';

export interface BenchmarkOptions {
  /** Length of the symbolic first axis of inputs; default 1. */
  readonly batch?: number;
  /** Inferences measured of each model; default 100. */
  readonly runs?: number;
  /** Where the slowest model would take longer for its runs, all make fewer, three at least; default: no limit. */
  readonly seconds?: number;
  /** Inferences of each model before anything is measured; default 10. */
  readonly warmup?: number;
  /** Threads of onnxruntime within an operator; default 1. */
  readonly threads?: number;
  /** Default onnxruntime-node. */
  readonly engine?: MeasuredEngine;
  /** Shapes of inputs by name, for symbolic axes. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Of the synthetic inputs; default 0. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  /** Called after every turn with the share that is done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

export interface ModelMeasurement {
  readonly path: string;
  readonly latency: LatencySummary;
  /** Milliseconds of one inference: 0 %, 5 %, … 100 %. */
  readonly quantiles: readonly number[];
  /** Samples (elements of the batch) per second. */
  readonly throughput: number;
  /** Milliseconds from the file to a session that can run. */
  readonly sessionCreate: number;
  /** Bytes the process of the model had resident once the session was there, Node.js included. */
  readonly loadedMemory: number;
  /** Bytes the process of the model had resident at most, Node.js included. */
  readonly peakMemory: number;
  /** Latency relative to the first model. */
  readonly ratio: RatioSummary;
  /** Shapes of what was fed. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
}

export interface BenchmarkResult {
  readonly models: readonly ModelMeasurement[];
  readonly batch: number;
  readonly runs: number;
  readonly warmup: number;
  readonly threads: number;
  readonly engine: MeasuredEngine;
  readonly seed: number;
}

/** Enough rounds for quartiles of their ratios. */
const mostRounds = 20;
/** With fewer there is no median. */
const leastRuns = 3;
/** Part of the time limit that may go into the runs before measuring. */
const warmupShare = 0.1;

/**
 * Latency, throughput, session-create time and peak memory of the models at `paths`, in milliseconds and bytes. Threads are fixed
 * and do not spin. Throws USAGE for options out of range, MODEL_UNSUPPORTED for a model onnxruntime does not run, ABORTED.
 */
export async function benchmark(paths: readonly string[], options: BenchmarkOptions = {}): Promise<BenchmarkResult> {
  const { warmup = 10, batch = 1, threads = 1, seed = 0, inputShapes = {}, signal, onProgress } = options;
  const { seconds = Number.POSITIVE_INFINITY, engine = 'onnxruntime-node' } = options;
  let { runs = 100 } = options;
  if (paths.length === 0) throw usageError('There is no model to measure');
  for (const [name, value, least] of [
    ['runs', runs, 1],
    ['warmup', warmup, 0],
    ['batch', batch, 1],
    ['threads', threads, 1],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < least) throw usageError(`${name} must be at least ${least}: ${value}`);
  }
  throwIfAborted(signal);
  const setUp = { batch, threads, seed, engine, inputShapes };
  const processes: ModelProcess[] = [];
  try {
    const opened: Replies['open'][] = [];
    for (const path of paths) processes.push(new ModelProcess(path, signal));
    // One after the other: creating a session takes all processors, and its time is one of the results.
    for (const [index, path] of paths.entries()) {
      const process = processes[index];
      const likeFirst = opened[0]?.inputs ?? {};
      opened.push(await process.request({ kind: 'open', path: resolve(path), setUp: { ...setUp, likeFirst } }));
      const latency = await warmUp(process, warmup, 1000 * seconds);
      if (latency > 0) runs = Math.min(runs, Math.max(leastRuns, Math.floor((1000 * seconds) / latency)));
    }
    const rounds = await measureInTurns(processes, runs, onProgress);
    const models: ModelMeasurement[] = [];
    for (const [index, process] of processes.entries()) {
      const latency = summarizeLatencies(rounds[index].flat());
      models.push({
        path: paths[index],
        latency,
        quantiles: quantiles(rounds[index].flat()),
        throughput: (1000 * batch) / latency.mean,
        ...opened[index],
        ...(await process.request({ kind: 'finish' })),
        ratio: summarizeRatio(rounds[index], rounds[0]),
      });
    }
    return { models, batch, runs, warmup, threads, engine, seed };
  } finally {
    for (const process of processes) process.end();
  }
}

/** Makes up to `count` inferences, fewer where the time limit is short; gives the milliseconds of the last, 0 without any. */
async function warmUp(process: ModelProcess, count: number, limit: number): Promise<number> {
  if (count === 0) return 0;
  const [first] = (await process.request({ kind: 'run', count: 1 })).latencies;
  const more = Math.min(count - 1, Math.floor((limit * warmupShare) / first));
  if (more <= 0) return first;
  return (await process.request({ kind: 'run', count: more })).latencies.at(-1) ?? first;
}

/** Latencies by model and round. The order of the models turns around from round to round, so that none is always the first. */
async function measureInTurns(
  processes: readonly ModelProcess[],
  runs: number,
  onProgress: BenchmarkOptions['onProgress'],
): Promise<number[][][]> {
  const latencies: number[][][] = processes.map(() => []);
  const rounds = Math.min(mostRounds, runs);
  for (let round = 0; round < rounds; round++) {
    const count = Math.floor(((round + 1) * runs) / rounds) - Math.floor((round * runs) / rounds);
    const order = [...processes.keys()];
    if (round % 2 === 1) order.reverse();
    for (const index of order) {
      // The first inference of a turn finds the caches full of the other models' data; it is made, and left out.
      const turn = await processes[index].request({ kind: 'run', count: count + (processes.length > 1 ? 1 : 0) });
      latencies[index].push(turn.latencies.slice(-count));
    }
    onProgress?.((round + 1) / rounds);
  }
  return latencies;
}
