// What a pass is: a plain object with a name, options described by a zod schema, and a function that edits a model in place.
import type { z } from 'zod';
import type { Kept, Observer, Probe, ProbedValues, Verdict } from '../calibration/index.js';
import type { Engine, Feeds, MatrixProducts } from '../engine/index.js';
import type { Model, Node, Value } from '../ir/index.js';
import type { Random } from '../numeric/index.js';
import type { Workers } from '../parallel/index.js';
import type { RuntimeTarget } from '../quantization/index.js';

export type PassKind = 'cleanup' | 'factorize' | 'prune' | 'finetune' | 'smooth' | 'quantize';
export type Protection = 'activations' | 'weights';
export type PassNeed = 'samples' | 'inference' | 'training';

export interface Pass<Name extends string = string, Options extends z.ZodObject = z.ZodObject> {
  /** Verb-object or the name of its paper; also its folder and its name in recipes. */
  readonly name: Name;
  readonly kind: PassKind;
  /** One sentence. */
  readonly summary: string;
  /** A strict object; every option has a description, and a default where one makes sense. */
  readonly options: Options;
  readonly needs: readonly PassNeed[];
  /** The same options with paths that hold from anywhere; relative ones start at `folder`, where the recipe lies. */
  locate?(options: z.output<Options>, folder: string): z.output<Options>;
  /** Refuses models or options it cannot work with, before anything is edited. */
  requires?(model: Model, options: z.output<Options>): void;
  run(model: Model, options: z.output<Options>, context: PassContext): void | Promise<void>;
}

/** What a pass says of its targets; every target ends as changed or as skipped with a reason. */
export interface PassRecord {
  changed(target: Node | string, what: string): void;
  skipped(target: Node | string, reason: string): void;
  /** A figure for the report, with its unit in the name. */
  metric(name: string, value: number): void;
  warn(message: string): void;
  /** What came of a technique at a target; `measure` says of what its errors are, on samples that it was not fitted to. */
  tried(target: Node | string, measure: string, verdict: Verdict): void;
  /** Figures over steps, for a picture in the report: [step, value]. */
  curve(name: string, points: readonly CurvePoint[]): void;
  /** What was considered, as cells of text, for those who want to see all of it. */
  table(columns: readonly string[], rows: readonly (readonly string[])[]): void;
  /** A file that belongs to the result: `vocabulary.json` is written beside `out.onnx` as `out.vocabulary.json`. */
  attach(suffix: string, text: string): void;
}

export interface FactTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export type CurvePoint = readonly [number, number];

export interface PassContext {
  /** The model before the first pass of the run. */
  readonly original: Model;
  /** The model before the first pass of the run that may change results: what cleanup made of the original. Not to be edited. */
  readonly prepared: Model;
  /**
   * The nodes of these operators (`op` or `domain::op`; none named: all) in every graph, minus those that `include` and `exclude` leave
   * out; a node that an explicit `exclude` names is recorded as skipped. Safe to edit while iterating.
   */
  targets(...opTypes: string[]): Iterable<Node>;
  /** Real inputs, the same ones each time; null where none were given, which a pass that needs samples never sees. */
  readonly samples: AsyncIterable<Feeds> | null;
  /**
   * Runs the model as it is now on all samples, once, and hands the tensor of each value to its observers. May be called again after
   * edits. `model`: another one than that of the pass. `enough`: asked after each sample. Returns the number of samples; throws USAGE where there
   * are none.
   */
  observe(wanted: Iterable<readonly [Value, Observer]>, model?: Model, enough?: () => boolean): Promise<number>;
  /** Nobody said how many samples to take: `limitSamples` may say it. */
  readonly samplesAuto: boolean;
  /** No more than these are taken from now on. */
  limitSamples(count: number): void;
  /** What calibration found in earlier runs; null where nothing is kept. */
  readonly kept: Kept | null;
  /** Runs several models in lockstep on all samples and hands over what they compute, sample by sample. */
  sweep(
    probes: readonly Probe[],
    visit: (values: readonly ProbedValues[], sample: number) => void | Promise<void>,
  ): Promise<number>;
  /** Products of many rows by the engine, for second moments; open until the pass ends. */
  readonly products: MatrixProducts;
  readonly engine: Engine;
  readonly workers: Workers;
  /** What the result is meant for. */
  readonly target: RuntimeTarget;
  readonly record: PassRecord;
  /** Says of a node that outputs were measured to depend on the digits of its activations, or of its weights too; passes behind may ask. */
  protect(node: Node, what: Protection): void;
  protectionOf(node: Node): Protection | null;
  readonly signal: AbortSignal;
  /** Fires when the user wants what is there so far: what trains ends with the best weights until then. */
  readonly finish?: AbortSignal | null;
  /** Bytes that may be held at once; default no limit. */
  readonly maxMemory?: number;
  /** How far the pass is, and how it goes, in a few words; `total` is null where only the end will tell. */
  progress(done: number, total: number | null, note?: string): void;
  /** Random numbers that depend on the seed of the run and the pass only. */
  random(): Random;
}

/** Keeps the types of name and options; third-party passes are made with it too. */
export function definePass<const Name extends string, Options extends z.ZodObject>(
  pass: Pass<Name, Options>,
): Pass<Name, Options> {
  return pass;
}
