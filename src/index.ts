// The public API of dsopt; the only file of src that imports the passes.
import { dirname } from 'node:path';
import { builtinPasses } from '../passes/index.js';
import { type CompressResult, compressModel, type RunOptions, runRecipe } from './compress.js';
import { type CompressFileOptions, compressFile as runOnFile } from './compress-file.js';
import { DsoptError, usageError } from './errors.js';
import {
  blockSize,
  defaultBits,
  type ExplainOptions,
  explain as explainPrepared,
  type Method,
  otherOperators,
  roundWeights,
} from './explain/index.js';
import type { Model } from './ir/index.js';
import type { Pass } from './pass/index.js';
import {
  type Attempt,
  type Budget,
  type LimitedMode,
  quantizeWithinBudget,
  quantizeWithinDrop,
} from './quantize-within/index.js';
import {
  preparationSteps,
  quantizeSteps,
  type RecipeOf,
  type ResolvedRecipe,
  readRecipe as readText,
  resolveRecipe,
} from './recipe/index.js';
import type { CompressionReport, ExplanationReport } from './report/index.js';

/** Steps of passes with their options; editors complete both. */
export type Recipe = RecipeOf<(typeof builtinPasses)[number]>;

export interface CompressOptions extends RunOptions {
  readonly recipe: Recipe | ResolvedRecipe;
}

/** Checks the types of a recipe while it is written. */
export function defineRecipe(recipe: Recipe): Recipe {
  return recipe;
}

/** Runs a recipe on a copy of `model`. Throws RECIPE for a recipe that is not valid, and what the passes throw. */
export async function compress(model: Model, { recipe, ...options }: CompressOptions): Promise<CompressResult> {
  return compressModel(model, await resolve(recipe), options);
}

/** Runs a recipe on a model, or the model file at a path, and writes `output`, verified, or nothing at all. */
export async function compressFile(
  input: string | Model,
  output: string,
  { recipe, ...options }: CompressFileOptions & { readonly recipe: Recipe | ResolvedRecipe },
): Promise<CompressionReport> {
  return runOnFile(input, output, await resolve(recipe), options);
}

export interface QuantizeWithinOptions
  extends Omit<CompressFileOptions, 'command' | 'dryRun' | 'keepMissed' | 'onReport'> {
  readonly mode: LimitedMode;
  /** Of the passes of the mode, as `dsopt quantize` takes them. */
  readonly options?: Readonly<Record<string, unknown>> & { readonly exclude?: readonly string[] };
  /** Without: the `maxDrop` of `evaluation` is the limit. */
  readonly budget?: Budget;
  /** Told of every set of operators that was tried. */
  readonly onTried?: (line: string) => void;
}

/**
 * Quantizes the model within limits: the fewest operators that must keep more digits for a metric, or the most that size and latency allow. Throws THRESHOLD
 * where nothing meets the limit; what came closest is written then.
 */
export async function quantizeWithin(
  input: string | Model,
  output: string,
  { mode, options = {}, budget, onTried, ...run }: QuantizeWithinOptions,
): Promise<CompressionReport> {
  if (!budget && run.evaluation?.maxDrop === undefined)
    throw usageError('Nothing limits the quantization', 'Give a budget, or an evaluation with maxDrop.');
  let { overwrite } = run;
  const attempt: Attempt = async (added, { purpose, measure = false, keepMissed = false }) => {
    const recipe = await resolveRecipe(
      { version: 1, steps: quantizeSteps(builtinPasses, mode, { ...options, ...added }) },
      { passes: builtinPasses, folder: '.' },
    );
    const dryRun = purpose === 'ranking' || (purpose === 'trial' && !measure);
    const evaluation = purpose === 'ranking' ? null : run.evaluation;
    const made: CompressionReport[] = [];
    const onReport = (report: CompressionReport) => made.push(report);
    try {
      const settings = { ...run, command: 'quantize', overwrite, dryRun, evaluation, keepMissed, onReport } as const;
      const report = await runOnFile(input, output, recipe, { ...settings, ...(measure && { measure }) });
      if (!dryRun) overwrite = true;
      return report;
    } catch (cause) {
      if (!(cause instanceof DsoptError) || cause.code !== 'THRESHOLD' || !made[0]) throw cause;
      return made[0];
    }
  };
  const settings = { exclude: options.exclude ?? [], log: (line: string) => onTried?.(line) };
  const { report, missed } = budget
    ? await quantizeWithinBudget(mode, attempt, budget, settings)
    : await quantizeWithinDrop(mode, attempt, settings);
  if (missed) throw missed;
  return report;
}

/**
 * What every quantizable node of `model` costs, and what quantizing it alone would cost; which nodes to keep in float. Throws USAGE for
 * options and data that do not fit, and what passes and engine throw.
 */
export async function explain(model: Model, options: ExplainOptions = {}): Promise<ExplanationReport> {
  const methods = (options.bits ?? defaultBits).map(methodOf);
  const recipe = await resolveRecipe(
    { version: 1, steps: preparationSteps(builtinPasses) },
    { passes: builtinPasses, folder: '.' },
  );
  const { engine, seed, signal } = options;
  const { model: prepared } = await runRecipe(model, recipe, { engine, seed, signal });
  return explainPrepared(model, prepared, methods, options);
}

function builtinPass(name: (typeof builtinPasses)[number]['name']): Pass {
  return (builtinPasses as readonly Pass[]).find((pass) => pass.name === name)!;
}

/** As `dsopt quantize` does it; what stores no weights in so few bits (Conv) gets weights that are rounded and kept as floats. */
function methodOf(bits: number): Method {
  if (bits === 8) {
    const steps = [{ pass: builtinPass('quantize-dynamic'), options: {} }];
    return { bits, steps, description: 'dynamic INT8, as dsopt quantize does it' };
  }
  if (!Number.isInteger(bits) || bits < 2 || bits > 8)
    throw usageError(`Weights cannot be tried at ${bits} bits`, 'Possible: 2 to 8.');
  const rounded = `rounded in blocks of ${blockSize}, symmetric`;
  const pass = roundWeights;
  if (bits > 4) return { bits, steps: [{ pass, options: { bits } }], description: `weights only, ${rounded}` };
  const rounding = { pass, options: { bits, operators: [...otherOperators] } };
  const storing = { pass: builtinPass('quantize-weights'), options: { bits, embeddingBits: 4 } };
  const description = `dsopt quantize --mode weight-only for matrices, embeddings in 4 bits; other weights ${rounded}`;
  return { bits, steps: [storing, rounding], description };
}

/** Reads a recipe file (YAML or JSON). Errors say in which line. */
export async function readRecipe(path: string): Promise<ResolvedRecipe> {
  const { recipe, place } = readText(path);
  return resolveRecipe(recipe, { passes: builtinPasses, folder: dirname(path), place });
}

async function resolve(recipe: Recipe | ResolvedRecipe): Promise<ResolvedRecipe> {
  if (!('version' in recipe)) return recipe;
  return resolveRecipe(recipe, { passes: builtinPasses, folder: process.cwd() });
}

export { type CompareOptions, compare } from './compare.js';
export type { CompressResult, RunOptions } from './compress.js';
export type { CompressFileOptions } from './compress-file.js';
export type { Engine, Feeds, Session, SessionOptions, ValueInfo } from './engine/index.js';
export { DsoptError, type ErrorCode } from './errors.js';
export { type EvaluateOptions, evaluate } from './evaluate.js';
export type { EvaluationSettings } from './evaluate-result.js';
export type { ExplainOptions } from './explain/index.js';
export * from './ir/index.js';
export { loadModel, type SaveOptions, saveModel } from './onnx/index.js';
export {
  definePass,
  type Pass,
  type PassContext,
  type PassKind,
  type PassNeed,
  type PassRecord,
} from './pass/index.js';
export type { Budget, LimitedMode } from './quantize-within/index.js';
export { type ResolvedRecipe, recipeJsonSchema } from './recipe/index.js';
export {
  type CompressionReport,
  type EvaluationReport,
  type ExplanationReport,
  renderMarkdown,
  renderTerminal,
} from './report/index.js';
export * from './tensor/index.js';
export { builtinPasses };
