// What a recipe is: a list of passes with their options, run in order. Its type is derived from the passes, so that an editor
// completes their names and options.
import type { z } from 'zod';
import type { CalibrationSettings } from '../calibration/index.js';
import type { Pass } from '../pass/index.js';
import type { recipeCalibration } from './recipe-calibration.js';
import type { RecipeEvaluation, recipeEvaluation } from './recipe-evaluation.js';

/** A step that runs one of the passes `P`: its name, and its options beside it. */
export type StepOf<P> =
  P extends Pass<infer Name, infer Options> ? { readonly pass: Name } & Readonly<z.input<Options>> : never;

/** A module that exports a pass, by path; `#name` chooses one of several. Relative paths start at the recipe's folder. */
export type ModulePath = `./${string}` | `../${string}` | `/${string}` | `file:${string}`;

/** A step that runs a pass that does not come with dsopt: the pass itself, or the module that exports it. */
export interface ForeignStep {
  readonly pass: Pass | ModulePath;
  readonly [option: string]: unknown;
}

export interface RecipeOf<P> {
  /** Where editors find the JSON Schema that `dsopt schema` prints. */
  readonly $schema?: string;
  readonly version: 1;
  /** Seed of everything random in the run; default 0. */
  readonly seed?: number;
  readonly steps: readonly (StepOf<P> | ForeignStep)[];
  /** How the result is evaluated beside the original. Relative paths start at the recipe's folder. */
  readonly evaluation?: z.input<typeof recipeEvaluation>;
  /** The data that passes calibrate with. Relative paths start at the recipe's folder. */
  readonly calibration?: z.input<typeof recipeCalibration>;
}

/** A recipe whose names have become passes and whose options are checked. */
export interface ResolvedRecipe {
  /** null where the recipe does not say. */
  readonly seed: number | null;
  readonly steps: readonly ResolvedStep[];
  readonly evaluation?: RecipeEvaluation | null;
  readonly calibration?: CalibrationSettings | null;
}

export interface ResolvedStep {
  readonly pass: Pass;
  /** With defaults filled in. */
  readonly options: Readonly<Record<string, unknown>>;
}
