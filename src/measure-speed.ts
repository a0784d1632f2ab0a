// How fast a written model is beside its original: measured briefly, in turns, each in a process of its own.
import { statSync } from 'node:fs';
import { freemem } from 'node:os';
import { DsoptError } from './errors.js';
import type { Model } from './ir/index.js';
import { benchmark, canMeasure, type MeasuredEngine, type ModelMeasurement } from './measure/index.js';
import { describeModel, formatBytes, type Speed } from './report/index.js';

export interface MeasureSpeedOptions {
  /** Shapes of inputs by name, for the synthetic inputs. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  readonly seed?: number;
  readonly engine?: MeasuredEngine;
  /** Measures originals of any size; default false: up to 256 MB. */
  readonly always?: boolean;
  /** Bytes that both models may take together; default half of what is free. */
  readonly maxMemory?: number;
  readonly signal?: AbortSignal;
}

/** Seconds of inferences of each model: enough for a median, little beside what loading the models takes. */
const seconds = 0.25;
/** Bytes of the largest original that is measured without being asked for: creating sessions takes longer than all the rest. */
const mostBytes = 256e6;
/** A session holds the weights of a file, prepacked ones beside those it read, and kernels decode packed weights. */
const memoryFactor = 2;

/** What was measured of the model and the file `result` made of it, or the reason why nothing was. Throws ABORTED only. */
export async function measureSpeed(
  original: Model,
  result: string,
  { inputShapes, seed, engine, always = false, maxMemory = freemem() / 2, signal }: MeasureSpeedOptions = {},
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
    const { models, runs, threads } = await benchmark([original.path, result], {
      seconds,
      engine,
      inputShapes,
      seed,
      signal,
    });
    const [before, after] = models;
    const inputs = Object.fromEntries(Object.entries(before.inputs).map(([name, shape]) => [name, [...shape]]));
    return { input: figures(before), output: figures(after), ratio: after.ratio, runs, threads, inputs };
  } catch (cause) {
    if (!(cause instanceof DsoptError) || cause.code === 'ABORTED') throw cause;
    return cause.message;
  }
}

function figures(measured: ModelMeasurement): Speed['input'] {
  const { latency, throughput, sessionCreate, loadedMemory, peakMemory, quantiles } = measured;
  return { ...latency, throughput, sessionCreate, loadedMemory, peakMemory, quantiles: [...quantiles] };
}
