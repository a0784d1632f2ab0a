// Recipes as text: YAML, or JSON, which is YAML too. Every place in the text stays known, for errors that say where.
import { readFileSync } from 'node:fs';
import { isMap, LineCounter, type Node, parseDocument } from 'yaml';
import { ioError, recipeError } from '../errors.js';

/** Keys and indices that lead to a part of a recipe. */
export type RecipePath = readonly (string | number)[];

export interface ParsedRecipe {
  /** Not validated yet. */
  readonly recipe: unknown;
  /** `recipe.yaml:7:5` for the part at `path`, or for the nearest part around it. */
  place(path: RecipePath): string;
}

/** Throws IO when the file cannot be read, RECIPE when it is neither YAML nor JSON. */
export function readRecipe(path: string): ParsedRecipe {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw ioError('read', path, cause);
  }
  return parseRecipe(text, path);
}

/** `name` is what errors call the text. */
export function parseRecipe(text: string, name: string): ParsedRecipe {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  const [problem] = document.errors;
  if (problem) throw recipeError(`${at(problem.pos[0])}: ${problem.message}`, 'A recipe is a YAML or JSON file.');
  let recipe: unknown;
  try {
    recipe = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw recipeError(`${name}: ${cause instanceof Error ? cause.message : cause}`);
  }
  return { recipe, place: (path) => at(offsetOf(document.contents, document, path)) };
}

/** Where the part at `path` begins; a key of a map counts as its beginning. */
function offsetOf(contents: Node | null, document: ReturnType<typeof parseDocument>, path: RecipePath): number {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? contents : document.getIn(path.slice(0, length - 1), true);
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => String(key) === String(path[length - 1]));
      const offset = (pair?.key as Node | undefined)?.range?.[0];
      if (offset !== undefined) return offset;
    }
    const offset = (document.getIn(path.slice(0, length), true) as Node | undefined)?.range?.[0];
    if (offset !== undefined) return offset;
  }
  return contents?.range?.[0] ?? 0;
}
