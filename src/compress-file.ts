// The life of a run with files: load → steps → stage → verify → evaluate → measure → commit → report. Whatever fails before the commit leaves nothing
// under the output name.
import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { resolve } from 'node:path';
import { weightBytes } from './analysis/index.js';
import type { CalibrationSamples, CalibrationSettings } from './calibration/index.js';
import { describeCalibration, openCalibration, type RunOptions, type RunResult, runRecipe } from './compress.js';
import { createOnnxRuntimeEngine, createOnnxRuntimeWebEngine, type Feeds } from './engine/index.js';
import { DsoptError, ioError, outputExists, throwIfAborted } from './errors.js';
import { beginEvaluation, checkLimit, type EvaluationSettings, type PendingEvaluation } from './evaluate-result.js';
import type { Model } from './ir/index.js';
import { KeptResults } from './kept-results.js';
import { loadModel, type SaveOptions, type StagedModel, stageModel } from './onnx/index.js';
import { createWorkers } from './parallel/index.js';
import type { PassReport } from './pass/index.js';
import type { ResolvedRecipe } from './recipe/index.js';
import {
  type CompressionReport,
  createReport,
  describeFidelity,
  describeModel,
  type Fidelity,
  groupWeights,
  type ModelFacts,
  type NodeComparison,
  type Speed,
  type Target,
  type Transfer,
  type WeightGroups,
} from './report/index.js';
import { verifyAgainst } from './verification/index.js';

export interface CompressFileOptions
  extends Omit<RunOptions, 'onStep' | 'onProgress'>,
    Pick<SaveOptions, 'externalData' | 'shardSize' | 'dataSuffix' | 'overwrite'> {
  readonly command: CompressionReport['command'];
  /** What the caller wants said in the report. */
  readonly warnings?: readonly string[];
  /** Run the result and compare it with the original before it takes its place; default true. */
  readonly verify?: boolean;
  /** Shapes of inputs by name, for the synthetic inputs of the verification. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /**
   * Measure the latency of original and result, a quarter of a second each; default: of originals up to 256 MB, as loading larger ones
   * takes longer than quantizing them. `steady`: for longer, and again where other work disturbs. Nothing is measured that was not verified.
   */
  readonly measure?: boolean | 'steady';
  /** Evaluate original and result on the same samples; default what the recipe says. */
  readonly evaluation?: EvaluationSettings | null;
  /** The data that passes calibrate with; default what the recipe says. `samples` go before it. */
  readonly calibration?: CalibrationSettings | null;
  /** The runtime that the result is meant for: it is verified and measured there. Default cpu. */
  readonly target?: Target;
  /** Bytes of weights that verification and measuring may load at once; default half of what is free. */
  readonly maxMemory?: number;
  /** Say in the report where the bytes are and how far each node moved; default false. */
  readonly details?: boolean;
  /** Write a result that is worse than its evaluation allows too: the error follows all the same. Default false. */
  readonly keepMissed?: boolean;
  /** Keep results of long work in a folder beside the output until that is written, and go on from what is there. Default false. */
  readonly resume?: boolean;
  /** Runs the passes, writes nothing. */
  readonly dryRun?: boolean;
  /** Called before every part of the run: loading, each pass, writing, verifying. */
  readonly onPhase?: (phase: { readonly name: string; readonly index: number; readonly count: number }) => void;
  /** Called within a pass or the evaluation, after every sample; `total` is null where only the end will tell. */
  readonly onSample?: (done: number, total: number | null, note?: string) => void;
  /** Called with the report, also when a missed limit is the error that follows. */
  readonly onReport?: (report: CompressionReport) => void;
}

/** Throws what loading, the passes, writing and verifying throw; nothing is left under `output` then. */
export async function compressFile(
  input: string | Model,
  output: string,
  recipe: ResolvedRecipe,
  options: CompressFileOptions,
): Promise<CompressionReport> {
  const started = new Date();
  const { signal, dryRun = false } = options;
  if (!dryRun) checkOutput(output, options.overwrite ?? false);
  const measured = options.verify !== false && options.measure !== false;
  const settings = options.evaluation === undefined ? recipe.evaluation : options.evaluation;
  const checks = [options.verify !== false, measured, settings, options.details].filter(Boolean).length;
  const phases = new Phases(recipe.steps.length + (dryRun ? 1 + (settings ? 1 : 0) : 2 + checks), options.onPhase);
  const kept = options.resume ? new KeptResults(output) : null;
  const threads = options.workers ?? createWorkers();
  const workers = kept?.keeping(threads) ?? threads;
  let staged: StagedModel | null = null;
  let calibration: CalibrationSamples | null = null;
  try {
    if (typeof input === 'string') phases.begin('load');
    const model = typeof input === 'string' ? await loadModel(input) : input;
    const pending = settings ? await prepareEvaluation(model, settings, recipe, options) : null;
    const given = options.calibration === undefined ? recipe.calibration : options.calibration;
    calibration = await openCalibration(model, { ...recipe, calibration: given }, options);
    const result = await runRecipe(model, recipe, {
      ...options,
      samples: calibration?.samples,
      samplesAuto: calibration?.auto,
      workers,
      onStep: ({ pass }) => phases.begin(pass),
      onProgress: options.onSample,
    });
    const facts = {
      command: options.command,
      seed: result.seed,
      input: describeModel(model),
      target: options.target,
      passes: result.passes,
      calibration: calibration ? describeCalibration(calibration, result.passes) : undefined,
      warnings: options.warnings,
      started,
    };
    const unwritten = describeModel(result.model, []);
    if (dryRun) {
      if (pending) phases.begin('evaluate');
      const evaluated = await pending?.finish(result.model, null);
      phases.end();
      const report = createReport({ ...facts, ...evaluated, output: unwritten, phases: phases.all });
      return accepted(report, options);
    }
    phases.begin('write');
    staged = await stageModel(result.model, output, { ...options, workers });
    throwIfAborted(signal);
    const fidelity = await verify(model, staged.path, phases, { ...options, samples: calibration?.samples });
    const details = options.details ? await describeDetails(model, result, fidelity, phases, options) : {};
    throwIfAborted(signal);
    if (pending) phases.begin('evaluate');
    const evaluated = await pending?.finish(staged.path, output);
    if (evaluated?.evaluation.limit?.kept === false && !options.keepMissed) {
      phases.end();
      return accepted(
        createReport({ ...facts, ...evaluated, ...details, fidelity, output: unwritten, phases: phases.all }),
        options,
      );
    }
    const speed = measured ? await measure(model, staged.path, phases, options) : undefined;
    const files = staged.commit();
    writeAttachments(output, result.passes);
    kept?.remove();
    const made = describeModel(result.model, files);
    const transfer = await transferOf(facts.input, made, result.passes, options);
    phases.end();
    const written = { output: made, transfer, written: true, phases: phases.all };
    return accepted(createReport({ ...facts, ...evaluated, ...details, ...written, fidelity, speed }), options);
  } finally {
    staged?.discard();
    await calibration?.close();
    if (!options.workers) await workers.close();
  }
}

/** Files of passes that belong to the model, beside it. */
function writeAttachments(output: string, passes: readonly PassReport[]): void {
  for (const { suffix, text } of passes.flatMap(({ attachments = [] }) => attachments)) {
    const path = `${output.replace(/\.onnx$/, '')}.${suffix}`;
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      writeFileSync(temporary, text);
      renameSync(temporary, path);
    } catch (cause) {
      throw ioError('write', path, cause);
    }
  }
}

/** Hands the report over. Throws THRESHOLD where the result is worse than was allowed. */
function accepted(report: CompressionReport, { onReport }: CompressFileOptions): CompressionReport {
  onReport?.(report);
  if (report.evaluation) checkLimit(report.evaluation);
  return report;
}

async function prepareEvaluation(
  model: Model,
  settings: EvaluationSettings,
  recipe: ResolvedRecipe,
  { engine, signal, onSample, dryRun, ...options }: CompressFileOptions,
): Promise<PendingEvaluation> {
  const seed = options.seed ?? recipe.seed ?? 0;
  return beginEvaluation(model, settings, { engine, seed, signal, onProgress: onSample, resultIsFile: !dryRun });
}

/** Runs the staged file beside the original; null where it was not asked for. */
async function verify(
  original: Model,
  path: string,
  phases: Phases,
  options: Omit<CompressFileOptions, 'samples'> & { readonly samples?: AsyncIterable<Feeds> },
): Promise<Fidelity | null> {
  if (options.verify === false) return null;
  phases.begin('verify');
  const { samples, engine = createOnnxRuntimeEngine(), target, inputShapes, maxMemory, seed, signal } = options;
  const result = await loadModel(path);
  if (target !== 'web' && weightBytes(original) <= (maxMemory ?? freemem() / 2)) {
    const { trialRun } = await import('./measure/index.js');
    await trialRun(result, { inputShapes, seed, signal });
  }
  return describeFidelity(
    await verifyAgainst({
      original,
      result,
      engine,
      resultEngine: target === 'web' ? createOnnxRuntimeWebEngine() : engine,
      samples: samples ?? null,
      inputShapes,
      maxMemory,
      seed,
      signal,
    }),
  );
}

/** Where the bytes are, and how far nodes moved: of models that were verified whole, as others do not fit into memory. */
async function describeDetails(
  model: Model,
  { model: made, prepared }: RunResult,
  fidelity: Fidelity | null,
  phases: Phases,
  { engine = createOnnxRuntimeEngine(), inputShapes, seed, signal }: CompressFileOptions,
): Promise<{ readonly weights: WeightGroups; readonly nodes: NodeComparison | null }> {
  phases.begin('compare nodes');
  const weights = groupWeights(model, made);
  if (prepared === null || fidelity?.method !== 'whole') return { weights, nodes: null };
  const { compareNodes } = await import('./compare-nodes.js');
  try {
    return { weights, nodes: await compareNodes(prepared, made, { engine, inputShapes, seed, signal }) };
  } catch (cause) {
    // That values in between cannot be told is no failure of the result, which was verified.
    if (!(cause instanceof DsoptError) || cause.code !== 'MODEL_UNSUPPORTED') throw cause;
    return { weights, nodes: null };
  }
}

/** Latency of the original and the staged file, or why it was not measured: that a model is slow to start is no failure. */
async function measure(
  original: Model,
  path: string,
  phases: Phases,
  options: CompressFileOptions,
): Promise<Speed | string> {
  phases.begin('measure');
  const { inputShapes, seed, signal, maxMemory, target, measure } = options;
  const engine = target === 'web' ? 'onnxruntime-web' : 'onnxruntime-node';
  const { measureSpeed } = await import('./measure-speed.js');
  const how = { always: measure !== undefined, steady: measure === 'steady' };
  return measureSpeed(original, path, { inputShapes, seed, engine, signal, maxMemory, ...how });
}

/** Compressed sizes, where somebody wants details or zeros were made, which pay off there only. */
async function transferOf(
  before: ModelFacts,
  after: ModelFacts,
  passes: readonly PassReport[],
  { details, signal }: CompressFileOptions,
): Promise<Transfer | null> {
  // What was overwritten is no more.
  if (before.path === null || resolve(before.path) === resolve(after.path ?? '')) return null;
  if (!(details || passes.some(({ metrics }) => (metrics.zeroShare ?? 0) > 0))) return null;
  const { transferSize } = await import('./measure/index.js');
  const pathsOf = ({ files }: ModelFacts): string[] => files.map(({ path }) => path);
  const input = await transferSize(pathsOf(before), signal);
  const output = input && (await transferSize(pathsOf(after), signal));
  return input && output ? { input: { ...input }, output: { ...output } } : null;
}

/** What would only be found after long work is found before it. */
function checkOutput(path: string, overwrite: boolean): void {
  if (!existsSync(path)) return;
  if (statSync(path).isDirectory()) throw ioError('write', path, { code: 'EISDIR' });
  if (!overwrite) throw outputExists(path);
}

/** Tells the caller what is going on, and keeps how long it took. */
class Phases {
  readonly all: { phase: string; milliseconds: number }[] = [];
  private readonly count: number;
  private readonly listener: CompressFileOptions['onPhase'];
  private start = 0;
  private current: string | null = null;

  constructor(count: number, listener: CompressFileOptions['onPhase']) {
    this.count = count;
    this.listener = listener;
  }

  begin(name: string): void {
    this.end();
    this.current = name;
    this.start = performance.now();
    this.listener?.({ name, index: this.all.length, count: this.count });
  }

  end(): void {
    if (this.current !== null) this.all.push({ phase: this.current, milliseconds: performance.now() - this.start });
    this.current = null;
  }
}
