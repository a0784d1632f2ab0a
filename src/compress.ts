// The life of a run without files: a model is cloned once, each step of the recipe edits the clone, and every pass reports.

import { freemem } from 'node:os';
import { weightBytes } from './analysis/index.js';
import { CalibrationCache, type CalibrationSamples, openSamples } from './calibration/index.js';
import type { Engine, Feeds } from './engine/index.js';
import { createOnnxRuntimeEngine } from './engine/index.js';
import { throwIfAborted } from './errors.js';
import { beginEvaluation, checkLimit } from './evaluate-result.js';
import { cloneModel, type Model } from './ir/index.js';
import { createWorkers, type Workers } from './parallel/index.js';
import { type PassReport, type Protection, runPass } from './pass/index.js';
import { parseTarget } from './quantization/index.js';
import type { ResolvedRecipe } from './recipe/index.js';
import { type CompressionReport, createReport, describeModel } from './report/index.js';

export interface RunOptions {
  /** Real inputs for passes that calibrate, one example each; iterated anew by each of them. They go before the recipe's data. */
  readonly samples?: Iterable<Feeds> | AsyncIterable<Feeds>;
  /** Passes take no more of the samples than they need; default false. */
  readonly samplesAuto?: boolean;
  /** What passes emit for: `cpu` (default), `web`, either with a version of onnxruntime (`cpu@1.20`), or `generic`: ONNX's own operators. */
  readonly runtime?: string;
  /** A file that keeps what calibration found: a second run with other options takes it from there. */
  readonly calibrationCache?: string;
  /** What executes graphs; default onnxruntime, started when a pass needs it. */
  readonly engine?: Engine;
  /** Threads for work on weights; default one per processor. */
  readonly workers?: Workers;
  /** Of everything random in the run; it goes before the seed of the recipe. Default 0. */
  readonly seed?: number;
  /** Bytes of weights that sessions of passes may load at once: larger models are calibrated slice by slice. Default half of what is free. */
  readonly maxMemory?: number;
  readonly signal?: AbortSignal;
  /** Fires when training shall end with the best weights so far; the run goes on with them. */
  readonly finish?: AbortSignal;
  /** Called before every step. */
  readonly onStep?: (step: { readonly index: number; readonly count: number; readonly pass: string }) => void;
  /** Called within a pass that takes long; `total` is null where only the end will tell. */
  readonly onProgress?: (done: number, total: number | null, note?: string) => void;
}

export interface RunResult {
  readonly model: Model;
  /** The model after the cleanup in front of the first pass that changes results; null where there is none. */
  readonly prepared: Model | null;
  readonly seed: number;
  readonly passes: readonly PassReport[];
}

/** What `compress` gives. */
export interface CompressResult {
  readonly model: Model;
  readonly report: CompressionReport;
}

/** `runRecipe`, with a report of the run and the evaluation that the recipe asks for. Throws THRESHOLD where the result misses its limit. */
export async function compressModel(
  model: Model,
  recipe: ResolvedRecipe,
  options: RunOptions = {},
): Promise<CompressResult> {
  const started = new Date();
  const { engine, seed = recipe.seed ?? 0, signal } = options;
  const context = { engine, seed, signal, resultIsFile: false };
  const pending = recipe.evaluation && (await beginEvaluation(model, recipe.evaluation, context));
  const calibration = await openCalibration(model, recipe, options);
  let result: RunResult;
  try {
    result = await runRecipe(model, recipe, {
      ...options,
      samples: calibration?.samples,
      samplesAuto: calibration?.auto,
    });
  } finally {
    await calibration?.close();
  }
  const evaluated = pending && (await pending.finish(result.model, null));
  if (evaluated) checkLimit(evaluated.evaluation);
  const report = createReport({
    command: 'compress',
    seed: result.seed,
    input: describeModel(model),
    output: describeModel(result.model, []),
    passes: result.passes,
    calibration: calibration ? describeCalibration(calibration, result.passes) : undefined,
    ...evaluated,
    started,
    phases: result.passes.map(({ pass, milliseconds }) => ({ phase: pass, milliseconds })),
  });
  return { model: result.model, report };
}

/** The samples of the caller, else the data of the recipe; null where there are none. Throws what opening data throws. */
export async function openCalibration(
  model: Model,
  { calibration, seed: ownSeed }: ResolvedRecipe,
  { samples, engine = createOnnxRuntimeEngine(), seed = ownSeed ?? 0 }: RunOptions,
): Promise<CalibrationSamples | null> {
  if (samples) return { samples: repeatable(samples), description: 'samples of the caller', async close() {} };
  return calibration ? openSamples(model, calibration, { engine, seed }) : null;
}

/** Bytes of weights that will keep all threads busy. */
const worthThreads = 32 << 20;

/** What was taken from where; of samples without a number, how many were enough. */
export function describeCalibration({ description, auto }: CalibrationSamples, passes: readonly PassReport[]): string {
  const used = passes.flatMap(({ metrics }) => metrics.calibrationSamples ?? []);
  return auto && used.length > 0 ? `the first ${Math.max(...used)} of ${description}: they were enough` : description;
}

/** Runs the steps of `recipe` on a copy of `model`, which stays as it is. Throws what the passes throw, RECIPE and ABORTED. */
export async function runRecipe(
  model: Model,
  recipe: ResolvedRecipe,
  {
    samples,
    engine = createOnnxRuntimeEngine(),
    signal = new AbortController().signal,
    onStep,
    onProgress,
    maxMemory = freemem() / 2,
    ...options
  }: RunOptions = {},
): Promise<RunResult> {
  throwIfAborted(signal);
  const seed = options.seed ?? recipe.seed ?? 0;
  const cache = options.calibrationCache === undefined ? null : CalibrationCache.open(options.calibrationCache);
  const workers = options.workers ?? createWorkers();
  const environment = {
    original: model,
    engine,
    workers,
    samples: samples ? repeatable(samples) : null,
    samplesAuto: options.samplesAuto,
    target: options.runtime === undefined ? undefined : parseTarget(options.runtime),
    cache,
    protections: new Map<string, Protection>(),
    signal,
    finish: options.finish,
    seed,
    maxMemory,
    onProgress,
  };
  if (weightBytes(model) >= worthThreads) workers.start();
  const clone = cloneModel(model);
  const passes: PassReport[] = [];
  let prepared: Model | null = null;
  try {
    for (const [index, step] of recipe.steps.entries()) {
      onStep?.({ index, count: recipe.steps.length, pass: step.pass.name });
      await nextTurn();
      if (prepared === null && step.pass.kind !== 'cleanup') prepared = cloneModel(clone);
      passes.push(await runPass(clone, step.pass, step.options, { ...environment, prepared }));
    }
  } finally {
    if (!options.workers) await workers.close();
  }
  cache?.save();
  return { model: clone, prepared, seed, passes };
}

/** Lets signals and timers through: passes may compute for long without waiting for anything. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Samples that each pass can iterate anew. */
function repeatable(samples: Iterable<Feeds> | AsyncIterable<Feeds>): AsyncIterable<Feeds> {
  return {
    async *[Symbol.asyncIterator]() {
      yield* samples;
    },
  };
}
