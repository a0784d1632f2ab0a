// How fast a written model is beside its original: measured briefly, in turns, each in a process of its own.
import { statSync } from 'node:fs';
import { freemem } from 'node:os';
import { DsoptError } from './errors.js';
import type { Model } from './ir/index.js';
import {
  type BenchmarkOptions,
  type BenchmarkResult,
  benchmark,
  canMeasure,
  type MeasuredEngine,
  type ModelMeasurement,
} from './measure/index.js';
import { describeModel, formatBytes, type Speed } from './report/index.js';

export interface MeasureSpeedOptions {
  /** Shapes of inputs by name, for the synthetic inputs. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  readonly seed?: number;
  readonly engine?: MeasuredEngine;
  /** Measures originals of any size; default false: up to 256 MB. */
  readonly always?: boolean;
  /** Measures for longer, and again where other work disturbs: for decisions. Default false. */
  readonly steady?: boolean;
  /** Bytes that both models may take together; default half of what is free. */
  readonly maxMemory?: number;
  readonly signal?: AbortSignal;
}

/** Seconds of inferences of each model: enough for a median, little beside what loading the models takes. */
const seconds = 0.25;
/** For decisions: as long as this, so many inferences, and so often until half of the rounds agree within the spread; the narrowest counts. */
const steadily = { seconds: 1.5, runs: 300, attempts: 4, spread: 0.08 } as const;
/** Bytes of the largest original that is measured without being asked for: creating sessions takes longer than all the rest. */
const mostBytes = 256e6;
/** A session holds the weights of a file, prepacked ones beside those it read, and kernels decode packed weights. */
const memoryFactor = 2;

/** What was measured of the model and the file `result` made of it, or the reason why nothing was. Throws ABORTED only. */
export async function measureSpeed(
  original: Model,
  result: string,
  {
    inputShapes,
    seed,
    engine,
    always = false,
    steady = false,
    maxMemory = freemem() / 2,
    signal,
  }: MeasureSpeedOptions = {},
): Promise<Speed | string> {
  if (!canMeasure) return 'dsopt runs from its sources, and processes of their own need the built package';
  if (original.path === null) return 'the original is in memory only';
  const { bytes } = describeModel(original);
  if (bytes > mostBytes && !always) {
    return `a model of more than ${formatBytes(mostBytes)} takes a while to load; --measure measures it, as does dsopt bench`;
  }
  const needed = 2 * memoryFactor * Math.max(bytes, statSync(result).size);
  if (needed > maxMemory) {
    return `both models together may take ${formatBytes(needed)}, more than the memory limit of ${formatBytes(maxMemory)}`;
  }
  try {
    const how = { engine, inputShapes, seed, signal };
    const paths = [original.path, result];
    const { models, runs, threads } = steady
      ? await measureSteadily(paths, how)
      : await benchmark(paths, { ...how, seconds });
    const [before, after] = models;
    const inputs = Object.fromEntries(Object.entries(before.inputs).map(([name, shape]) => [name, [...shape]]));
    return { input: figures(before), output: figures(after), ratio: after.ratio, runs, threads, inputs };
  } catch (cause) {
    if (!(cause instanceof DsoptError) || cause.code === 'ABORTED') throw cause;
    return cause.message;
  }
}

async function measureSteadily(paths: readonly string[], options: BenchmarkOptions): Promise<BenchmarkResult> {
  const { seconds, runs, attempts, spread } = steadily;
  let best: { readonly result: BenchmarkResult; readonly spread: number } | null = null;
  for (let attempt = 0; attempt < attempts && !(best && best.spread <= spread); attempt++) {
    const result = await benchmark(paths, { ...options, seconds, runs });
    const { median, lower, upper } = result.models[1].ratio;
    const own = (upper - lower) / median;
    if (!best || own < best.spread) best = { result, spread: own };
  }
  return best!.result;
}

function figures(measured: ModelMeasurement): Speed['input'] {
  const { latency, throughput, sessionCreate, loadedMemory, peakMemory, quantiles } = measured;
  return { ...latency, throughput, sessionCreate, loadedMemory, peakMemory, quantiles: [...quantiles] };
}
