// Labels as class indices: numbers as they are, names by a list of class names or, without one, by their sorted order.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ioError, usageError } from '../errors.js';
import type { ParsedDataOptions } from './data-options.js';
import { column, openTable } from './table.js';

export interface LabelReader {
  readonly classNames: readonly string[] | null;
  /** The class index of a label; null for an empty one. `where` is what carries it, for the error. */
  index(label: unknown, where: string): number | null;
}

/** `labels`: all distinct labels, or all of them. */
export function createLabelReader(labels: Iterable<unknown>, classNames: readonly string[] | null): LabelReader {
  const distinct = new Set<string>();
  let numeric = true;
  for (const label of labels) {
    if (isMissing(label)) continue;
    distinct.add(String(label));
    numeric &&= isInteger(label);
  }
  // Folders that are named in the list of classes are names, also where they look like numbers.
  if (numeric && !classNames?.some((name) => distinct.has(name))) {
    return { classNames, index: (label) => (isMissing(label) ? null : Number(label)) };
  }
  const names = classNames ?? [...distinct].sort();
  const indices = new Map(names.map((name, index) => [name, index]));
  return {
    classNames: names,
    index(label, where) {
      if (isMissing(label)) return null;
      const index = indices.get(String(label));
      if (index === undefined) {
        throw usageError(`The label ${String(label)} of ${where} is none of the ${names.length} class names`);
      }
      return index;
    },
  };
}

export function isInteger(label: unknown): boolean {
  return typeof label === 'number'
    ? Number.isInteger(label)
    : typeof label === 'string' && /^\s*[+-]?\d+\s*$/.test(label);
}

function isMissing(label: unknown): boolean {
  return label === null || label === undefined || label === '';
}

export function readClassNames(path: string): readonly string[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw ioError('read', path, cause);
  }
  return text
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split(/\r?\n/);
}

export const fileColumns = ['file', 'path', 'filename', 'file_name', 'image', 'audio'];
export const labelColumns = ['label', 'labels', 'target', 'class', 'class_id', 'category'];

/** The table of labels of a folder: the one named, or labels.tsv or .csv; null where there is none. */
export async function readLabelTable(
  folder: string,
  { labels: named, labelColumn }: ParsedDataOptions,
): Promise<{ readonly files: readonly string[]; readonly labels: readonly unknown[] } | null> {
  const path = named ?? ['labels.tsv', 'labels.csv'].map((name) => join(folder, name)).find(existsSync);
  if (path === undefined) return null;
  const table = await openTable(path, [...fileColumns, ...labelColumns]);
  const fileColumn = column(table, 'file', undefined, fileColumns) ?? table.columns[0];
  const wanted = column(table, 'label', labelColumn, labelColumns) ?? table.columns[1];
  const files: string[] = [];
  const labels: unknown[] = [];
  for (let i = 0; i < table.size; i++) {
    const record = await table.read(i);
    files.push(String(record[fileColumn]));
    labels.push(record[wanted]);
  }
  return { files, labels };
}
