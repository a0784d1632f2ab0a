export { type BundleDtype, bundleDtypes, bundleFileName, bundleSteps } from './bundle.js';
export { type ParsedRecipe, parseRecipe, type RecipePath, readRecipe } from './parse-recipe.js';
export {
  type DecomposeMethod,
  decomposeMethods,
  decomposeSteps,
  preparationSteps,
  type QuantizeMode,
  quantizeModes,
  quantizeSteps,
  trainingSteps,
} from './presets.js';
export { type PruneGranularity, pruneGranularities, pruneSteps } from './prune-steps.js';
export type { ForeignStep, ModulePath, RecipeOf, ResolvedRecipe, ResolvedStep, StepOf } from './recipe.js';
export type { RecipeEvaluation } from './recipe-evaluation.js';
export { type OptionSchema, optionsJsonSchema, recipeJsonSchema } from './recipe-schema.js';
export { type ResolveOptions, resolveRecipe } from './resolve-recipe.js';
export { convolutionNote, type ModeSuggestion, suggestMode } from './suggest-mode.js';
