// Passes that do not come with dsopt: a module names itself by its path and exports one made with `definePass`.
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { recipeError } from '../errors.js';
import type { Pass } from '../pass/index.js';
import type { ModulePath } from './recipe.js';

/** Whether `value` has the shape of a pass; third-party ones come from untyped modules too. */
export function isPass(value: unknown): value is Pass {
  const pass = value as Partial<Pass> | null;
  return typeof pass === 'object' && typeof pass?.name === 'string' && typeof pass.run === 'function' && !!pass.options;
}

export function isModulePath(name: string): name is ModulePath {
  return /^\.\.?[/\\]/.test(name) || name.startsWith('file:') || isAbsolute(name);
}

/** Imports the module and returns the pass it exports. Throws RECIPE when it cannot, or does not export exactly one. */
export async function loadForeignPass(path: ModulePath, folder: string): Promise<Pass> {
  const [modulePath, exportName] = splitExport(path);
  const url = modulePath.startsWith('file:') ? modulePath : pathToFileURL(resolve(folder, modulePath)).href;
  let exported: Record<string, unknown>;
  try {
    exported = await import(url);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw recipeError(`cannot load the pass ${fileURLToPath(url)}: ${reason}`, 'Check the path and the module.', cause);
  }
  const passes = Object.entries(exported).filter(([, value]) => isPass(value));
  const wanted = exportName === null ? passes : passes.filter(([name]) => name === exportName);
  if (wanted.length === 1) return wanted[0][1] as Pass;
  const names = passes.map(([name]) => name).join(', ');
  throw recipeError(
    exportName === null ? `${path} exports ${passes.length} passes` : `${path} names no pass of its module`,
    names
      ? `Name one of them: ${modulePath}#${passes[0][0]} (it exports ${names}).`
      : 'Export one made with definePass.',
  );
}

/** `./passes.js#myPass` → the module and the name of the export. */
function splitExport(path: string): [string, string | null] {
  const hash = path.lastIndexOf('#');
  return hash < 0 ? [path, null] : [path.slice(0, hash), path.slice(hash + 1)];
}
