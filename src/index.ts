// The public API of dsopt; the only file of src that imports the passes.
import { dirname } from 'node:path';
import { builtinPasses } from '../passes/index.js';
import { type CompressResult, compressModel, type RunOptions } from './compress.js';
import { type CompressFileOptions, compressFile as runOnFile } from './compress-file.js';
import type { Model } from './ir/index.js';
import { type RecipeOf, type ResolvedRecipe, readRecipe as readText, resolveRecipe } from './recipe/index.js';
import type { CompressionReport } from './report/index.js';

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
export { type ResolvedRecipe, recipeJsonSchema } from './recipe/index.js';
export { type CompressionReport, type EvaluationReport, renderMarkdown, renderTerminal } from './report/index.js';
export * from './tensor/index.js';
export { builtinPasses };
