// Creates the folder that a file goes to, and takes back what it created when the file is not written after all.
import { mkdirSync, rmdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ioError } from '../errors.js';

/**
 * Creates `folder`, an absolute path, and the missing ones above it. Gives a function that removes those of them that are empty.
 * Throws IO; nothing is left behind then.
 */
export function makeFolder(folder: string): () => void {
  const created: string[] = [];
  const undo = (): void => {
    for (const path of created.toReversed()) removeEmpty(path);
  };
  try {
    // One by one: mkdir's own `recursive` reports a wrong reason on read-only file systems, and not what it created.
    for (const path of missingFolders(folder)) if (createFolder(path)) created.push(path);
  } catch (cause) {
    undo();
    throw ioError('write in', folder, cause);
  }
  return undo;
}

/** False when another process was quicker. */
function createFolder(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cause;
  }
}

/** From the outermost to `folder` itself. Throws what the system says of paths that cannot be looked at. */
function missingFolders(folder: string): string[] {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (!found) return [...missingFolders(dirname(folder)), folder];
  if (!found.isDirectory()) throw Object.assign(new Error(`${folder} is a file`), { code: 'ENOTDIR' });
  return [];
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Others put something there, or took it away.
  }
}
