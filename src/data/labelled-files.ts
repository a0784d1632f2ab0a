// Files of a folder with their labels: in class folders, listed in a table of labels, or without labels; or a single file.
import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ioError } from '../errors.js';
import type { ParsedDataOptions } from './data-options.js';
import { createLabelReader, readClassNames, readLabelTable } from './labels.js';

export interface LabelledFiles {
  readonly files: readonly { readonly file: string; readonly label: number | null }[];
  readonly classNames: readonly string[] | null;
}

/**
 * The files of `path` that `accepts` takes: those its table of labels names; else those in class folders, whose order by name gives
 * the labels; else all, without labels.
 */
export async function listLabelled(
  path: string,
  options: ParsedDataOptions,
  accepts: (name: string) => boolean,
): Promise<LabelledFiles> {
  if (statSync(path).isFile()) return { files: [{ file: path, label: null }], classNames: null };
  const names = options.classNames === undefined ? null : readClassNames(options.classNames);
  const table = await readLabelTable(path, options);
  if (table) {
    const toLabel = createLabelReader(table.labels, names);
    const files = table.files.map((file, i) => ({
      file: join(path, file),
      label: toLabel.index(table.labels[i], file),
    }));
    return { files, classNames: toLabel.classNames };
  }
  const entries = readFolder(path);
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const here = entries.filter((entry) => entry.isFile() && accepts(entry.name)).map(({ name }) => name);
  if (here.length > 0)
    return { files: here.map((name) => ({ file: join(path, name), label: null })), classNames: names };
  const classes = folders.map((name) => ({ name, files: [...filesBelow(join(path, name), accepts)] }));
  const used = classes.filter(({ files }) => files.length > 0);
  // A single folder is a folder of files, not a class.
  if (used.length < 2 && !names)
    return { files: used.flatMap(({ files }) => files.map((file) => ({ file, label: null }))), classNames: null };
  const toLabel = createLabelReader(
    used.map(({ name }) => name),
    names ?? used.map(({ name }) => name),
  );
  return {
    files: used.flatMap(({ name, files }) =>
      files.map((file) => ({ file, label: toLabel.index(name, relative(path, file)) })),
    ),
    classNames: toLabel.classNames,
  };
}

function* filesBelow(folder: string, accepts: (name: string) => boolean): Iterable<string> {
  for (const entry of readFolder(folder)) {
    if (entry.isDirectory()) yield* filesBelow(join(folder, entry.name), accepts);
    else if (accepts(entry.name)) yield join(folder, entry.name);
  }
}

/** Sorted by code units, so that the order is the same on every machine; hidden files left out. */
function readFolder(folder: string) {
  try {
    const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'));
    return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  } catch (cause) {
    throw ioError('read', folder, cause);
  }
}
