// Turns a recipe into passes with checked options. A mistake is named with its place and the nearest valid word.
import { z } from 'zod';
import { DsoptError, recipeError } from '../errors.js';
import { nearest, optionsError, type Pass } from '../pass/index.js';
import { isModulePath, isPass, loadForeignPass } from './foreign-pass.js';
import type { RecipePath } from './parse-recipe.js';
import type { ResolvedRecipe, ResolvedStep } from './recipe.js';
import { parseCalibration, recipeCalibration } from './recipe-calibration.js';
import { parseEvaluation, recipeEvaluation } from './recipe-evaluation.js';

export interface ResolveOptions {
  /** The passes that recipes can name. */
  readonly passes: readonly Pass[];
  /** Where relative module paths start. */
  readonly folder: string;
  /** How errors name a part of the recipe; default: its path, such as `steps[2].weightType`. */
  readonly place?: (path: RecipePath) => string;
}

const recipeFrame = z.strictObject({
  $schema: z.string().optional(),
  version: z.literal(1),
  seed: z.int().min(0).optional(),
  steps: z.array(z.looseObject({ pass: z.unknown().optional() })),
  calibration: z.unknown().optional(),
  evaluation: z.unknown().optional(),
});

/** Throws RECIPE for anything that is not a valid recipe. */
export async function resolveRecipe(recipe: unknown, options: ResolveOptions): Promise<ResolvedRecipe> {
  const place = options.place ?? formatPath;
  const frame = recipeFrame.safeParse(recipe);
  if (!frame.success) throw frameError(recipe, frame.error, place);
  const steps: ResolvedStep[] = [];
  for (const [index, { pass: named, ...given }] of frame.data.steps.entries()) {
    const path = ['steps', index] as const;
    const pass = await resolvePass(named, [...path, 'pass'], options, place);
    const parsed = pass.options.safeParse(given);
    if (!parsed.success) {
      const error = optionsError(pass.name, Object.keys(pass.options.shape), parsed.error);
      throw atPlace(place([...path, ...issuePath(parsed.error)]), error);
    }
    steps.push({ pass, options: pass.locate?.(parsed.data, options.folder) ?? parsed.data });
  }
  const { seed, calibration, evaluation } = frame.data;
  return {
    seed: seed ?? null,
    steps,
    calibration:
      calibration === undefined
        ? null
        : parseCalibration(checkPart('calibration', calibration, recipeCalibration, place), options.folder),
    evaluation:
      evaluation === undefined
        ? null
        : parseEvaluation(checkPart('evaluation', evaluation, recipeEvaluation, place), options.folder),
  };
}

/** A part of the recipe against its schema. */
function checkPart<Part extends z.ZodObject>(
  name: string,
  given: unknown,
  schema: Part,
  place: (path: RecipePath) => string,
): z.output<Part> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const error = optionsError(name, Object.keys(schema.shape), parsed.error);
  throw atPlace(place([name, ...issuePath(parsed.error)]), error);
}

async function resolvePass(
  named: unknown,
  path: RecipePath,
  { passes, folder }: ResolveOptions,
  place: (path: RecipePath) => string,
): Promise<Pass> {
  if (isPass(named)) return named;
  if (typeof named !== 'string') {
    throw recipeError(`${place(path)}: a step needs the name of its pass`, 'For example: - pass: fold-constants');
  }
  if (isModulePath(named)) {
    try {
      return await loadForeignPass(named, folder);
    } catch (cause) {
      throw cause instanceof DsoptError ? atPlace(place(path), cause) : cause;
    }
  }
  const names = passes.map(({ name }) => name);
  const found = passes.find(({ name }) => name === named);
  if (found) return found;
  const near = nearest(named, names);
  throw recipeError(
    `${place(path)}: there is no pass ${named}`,
    near ? `Did you mean ${near}?` : 'dsopt passes lists them; a pass of your own is named by its path (./my-pass.js).',
  );
}

function frameError(recipe: unknown, error: z.ZodError, place: (path: RecipePath) => string): DsoptError {
  const [issue] = error.issues;
  const path = issuePath(error);
  const at = place(path);
  if (typeof recipe !== 'object' || recipe === null || Array.isArray(recipe)) {
    return recipeError(`${at}: a recipe is a map with version and steps`, 'For example: { version: 1, steps: [] }');
  }
  const key = path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const near = nearest(key, Object.keys(recipeFrame.shape));
    return recipeError(`${at}: a recipe has no ${key}`, near ? `Did you mean ${near}?` : undefined);
  }
  if (key === 'version') return recipeError(`${at}: the version of a recipe is 1`, 'Write version: 1.');
  if (key === 'steps') return recipeError(`${at}: steps is a list of passes`, 'For example: - pass: fold-constants');
  if (key === 'seed') return recipeError(`${at}: seed is a whole number from 0 on`);
  return recipeError(`${at}: ${formatPath(path)}: ${issue.message}`, 'For example: - pass: fold-constants');
}

function issuePath(error: z.ZodError): (string | number)[] {
  const [issue] = error.issues;
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  return issue.code === 'unrecognized_keys' ? [...path, issue.keys[0]] : path;
}

function atPlace(place: string, error: DsoptError): DsoptError {
  return recipeError(`${place}: ${error.message}`, error.hint ?? undefined, error.cause);
}

/** `steps[2].weightType`. */
function formatPath(path: RecipePath): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  return text === '' ? 'recipe' : text.replace(/^\./, '');
}
