// Runs one pass on a model: options checked, targets selected, the result verified, what changed observed.
import type { z } from 'zod';
import {
  type CalibrationCache,
  hashSamples,
  type Kept,
  limitSamples,
  observeCached,
  type SweepOptions,
  sweep,
} from '../calibration/index.js';
import { type Engine, type Feeds, MatrixProducts } from '../engine/index.js';
import { DsoptError, internalError, throwIfAborted, usageError } from '../errors.js';
import { type Model, type Node, nodeLabel, verifyModel } from '../ir/index.js';
import { createRandom } from '../numeric/index.js';
import type { Workers } from '../parallel/index.js';
import { defaultTarget, type RuntimeTarget } from '../quantization/index.js';
import { parseOptions } from './parse-options.js';
import type { CurvePoint, FactTable, Pass, PassContext, PassRecord, Protection } from './pass.js';
import { Selection } from './selector.js';
import { summarizeTrials, type TechniqueFacts, type Trial } from './techniques.js';

/** What one pass did. */
export interface PassReport {
  readonly pass: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Whether the graph was edited: observed, not claimed. */
  readonly edited: boolean;
  readonly changed: readonly { readonly target: string; readonly what: string }[];
  readonly skipped: readonly { readonly target: string; readonly reason: string }[];
  readonly metrics: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  /** Which techniques were kept, and where. */
  readonly techniques?: readonly TechniqueFacts[];
  readonly curves?: Readonly<Record<string, readonly CurvePoint[]>>;
  readonly table?: FactTable | null;
  readonly attachments?: readonly Attachment[];
  readonly milliseconds: number;
}

/** See `PassRecord.attach`. */
export interface Attachment {
  readonly suffix: string;
  readonly text: string;
}

export interface RunEnvironment {
  readonly original: Model;
  /** See `PassContext.prepared`; default the original. */
  readonly prepared?: Model | null;
  readonly engine: Engine;
  readonly workers: Workers;
  readonly samples: AsyncIterable<Feeds> | null;
  /** Passes take no more samples than they need. */
  readonly samplesAuto?: boolean;
  /** What the result is meant for; default onnxruntime-node. */
  readonly target?: RuntimeTarget;
  /** What calibration found in earlier runs. */
  readonly cache?: CalibrationCache | null;
  /** What passes of the same run protected, by the names of the first outputs of nodes. */
  readonly protections?: Map<string, Protection>;
  readonly signal: AbortSignal;
  /** Fires when the best so far is wanted. */
  readonly finish?: AbortSignal | null;
  readonly seed: number;
  /** Bytes of weights that sessions may load at once; default: no limit. */
  readonly maxMemory?: number;
  readonly onProgress?: (done: number, total: number | null, note?: string) => void;
}

/** Edits `model` in place. Throws USAGE for bad options, and what the pass throws. */
export async function runPass(
  model: Model,
  pass: Pass,
  options: unknown,
  environment: RunEnvironment,
): Promise<PassReport> {
  const parsed = parseOptions(pass, options);
  throwIfAborted(environment.signal);
  // A pass may also open data of its own.
  const ownData = (parsed as { readonly data?: unknown }).data !== undefined;
  if (pass.needs.includes('samples') && !environment.samples && !ownData) {
    throw usageError(
      `${pass.name} needs real inputs of the model`,
      'Give data with --calibration-data, or samples to the library; dsopt --help tells which kinds of data it reads.',
    );
  }
  pass.requires?.(model, parsed);
  const recorder = createRecorder();
  const before = model.revision;
  const start = performance.now();
  const products = new MatrixProducts(environment.engine, environment.workers.jobs);
  try {
    await pass.run(
      model,
      parsed,
      createContext(model, pass, parsed, { ...environment, record: recorder.record, products }),
    );
  } finally {
    await products.close();
  }
  throwIfAborted(environment.signal);
  try {
    verifyModel(model);
  } catch (cause) {
    throw internalError(
      `The pass ${pass.name} left a broken graph: ${cause instanceof DsoptError ? cause.message : cause}`,
      cause,
    );
  }
  return {
    pass: pass.name,
    options: parsed,
    edited: model.revision !== before,
    ...recorder.facts,
    techniques: summarizeTrials(recorder.trials),
    milliseconds: performance.now() - start,
  };
}

function createContext(
  model: Model,
  pass: Pass,
  options: z.output<z.ZodObject>,
  environment: RunEnvironment & Pick<PassContext, 'record' | 'products'>,
): PassContext {
  const list = (key: string): string[] => (options as Record<string, string[] | undefined>)[key] ?? [];
  const selection = new Selection(list('include'), list('exclude'));
  selection.check(model.allNodes());
  const { record, onProgress, cache = null, samplesAuto = false } = environment;
  let limit = Number.POSITIVE_INFINITY;
  const given = environment.samples;
  const samples: AsyncIterable<Feeds> | null = given && {
    [Symbol.asyncIterator]: () => limitSamples(given, () => limit),
  };
  const { protections = new Map<string, Protection>() } = environment;
  const hashes = new Map<number, Promise<string>>();
  const kept: Kept | null = cache && {
    cache,
    samplesHash() {
      const hash = hashes.get(limit) ?? hashSamples(samples ?? noSamples());
      hashes.set(limit, hash);
      return hash;
    },
  };
  const sweepOptions = (): SweepOptions => ({
    engine: environment.engine,
    samples: samples ?? noSamples(),
    threads: environment.workers.jobs,
    signal: environment.signal,
    onSample: (done) => onProgress?.(done, null),
  });
  return {
    ...environment,
    prepared: environment.prepared ?? environment.original,
    samples,
    samplesAuto,
    target: environment.target ?? defaultTarget,
    kept,
    limitSamples: (count) => {
      limit = count;
    },
    observe: (wanted, observed = model, enough) =>
      observeCached(observed, wanted, { ...sweepOptions(), maxMemory: environment.maxMemory, enough }, kept),
    sweep: (probes, visit) => sweep(probes, visit, sweepOptions()),
    protect: ({ outputs: [output] }, what) => output && protections.set(output.name, what),
    protectionOf: ({ outputs: [output] }) => (output && protections.get(output.name)) ?? null,
    progress: (done, total, note) => onProgress?.(done, total, note),
    *targets(...opTypes) {
      const wanted = new Set(opTypes);
      // Collected first: what a pass adds is not its own target.
      for (const node of [...model.allNodes()]) {
        if (node.graph === null || (wanted.size > 0 && !wanted.has(node.qualifiedType))) continue;
        if (!selection.includes(node)) continue;
        if (selection.excludes(node)) record.skipped(node, 'excluded');
        else yield node;
      }
    },
    random: () => createRandom(environment.seed).fork(pass.name),
  };
}

async function* noSamples(): AsyncGenerator<Feeds> {}

function createRecorder() {
  const changed: { target: string; what: string }[] = [];
  const skipped: { target: string; reason: string }[] = [];
  const metrics: Record<string, number> = {};
  const warnings: string[] = [];
  const trials: Trial[] = [];
  const curves: Record<string, readonly CurvePoint[]> = {};
  const attachments: Attachment[] = [];
  const facts = { changed, skipped, metrics, warnings, curves, attachments, table: null as FactTable | null };
  const label = (target: Node | string): string => (typeof target === 'string' ? target : nodeLabel(target));
  const record: PassRecord = {
    changed: (target, what) => changed.push({ target: label(target), what }),
    skipped: (target, reason) => skipped.push({ target: label(target), reason }),
    metric: (name, value) => {
      metrics[name] = value;
    },
    tried: (target, measure, verdict) => trials.push({ target: label(target), measure, verdict }),
    warn: (message) => warnings.push(message),
    curve: (name, points) => {
      curves[name] = points;
    },
    table: (columns, rows) => {
      facts.table = { columns, rows };
    },
    attach: (suffix, text) => attachments.push({ suffix, text }),
  };
  return { record, facts, trials };
}
