// Records of .tsv, .csv (RFC 4180) and .jsonl files, read one by one through an index of where each begins: 12 bytes of memory a
// record, whatever its length.

import { type FileHandle, open } from 'node:fs/promises';
import { extname } from 'node:path';
import { ioError, usageError } from '../errors.js';

export type TableRecord = Readonly<Record<string, unknown>>;

export interface Table {
  readonly path: string;
  readonly columns: readonly string[];
  readonly size: number;
  read(index: number): Promise<TableRecord>;
}

/**
 * `headerWords`: names of columns that tell a first line to be a header; without one, columns are called column1, column2, …
 * Throws USAGE for records that do not parse.
 */
export async function openTable(path: string, headerWords: readonly string[]): Promise<Table> {
  const format = extname(path).toLowerCase();
  const index = await indexRecords(path, format === '.csv');
  const readText = createReader(path, index);
  if (format === '.jsonl' || format === '.ndjson') {
    const read = async (i: number): Promise<TableRecord> => parseJson(await readText(i), path, i);
    const columns = index.count > 0 ? Object.keys(await read(0)) : [];
    return { path, columns, size: index.count, read };
  }
  const split = format === '.csv' ? splitCsv : (line: string) => line.split('\t');
  const first = index.count > 0 ? split(await readText(0)) : [];
  const hasHeader = first.some((cell) => headerWords.includes(cell.trim().toLowerCase()));
  const columns = first.map((cell, i) => (hasHeader ? cell.trim() : `column${i + 1}`));
  const skipped = hasHeader ? 1 : 0;
  return {
    path,
    columns,
    size: index.count - skipped,
    async read(i) {
      const cells = split(await readText(i + skipped));
      if (cells.length !== columns.length) {
        throw usageError(
          `Record ${i + 1} of ${path} has ${cells.length} columns, and the first line ${columns.length}`,
        );
      }
      return Object.fromEntries(columns.map((name, c) => [name, cells[c]]));
    },
  };
}

/** The column the user names, or the first of `candidates` that exists, in this order; null when there is none. */
export function column(
  { path, columns }: Table,
  what: string,
  named: string | undefined,
  candidates: readonly string[],
): string | null {
  if (named !== undefined) {
    if (columns.includes(named)) return named;
    throw usageError(`${path} has no column ${named} for the ${what}`, `It has: ${columns.join(', ')}.`);
  }
  for (const candidate of candidates) {
    const found = columns.find((name) => name.toLowerCase() === candidate);
    if (found !== undefined) return found;
  }
  return null;
}

function parseJson(text: string, path: string, index: number): TableRecord {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as TableRecord;
  } catch (cause) {
    throw usageError(`Record ${index + 1} of ${path} is not JSON: ${cause instanceof Error ? cause.message : cause}`);
  }
  throw usageError(`Record ${index + 1} of ${path} is not a JSON object`);
}

/** The cells of one record; quotes within a quoted cell are doubled. */
export function splitCsv(record: string): string[] {
  const cells: string[] = [];
  let position = 0;
  for (;;) {
    let cell = '';
    if (record[position] === '"') {
      position++;
      for (;;) {
        const quote = record.indexOf('"', position);
        const end = quote < 0 ? record.length : quote;
        cell += record.slice(position, end);
        position = end + 1;
        if (record[position] !== '"' || quote < 0) break;
        cell += '"';
        position++;
      }
    }
    const comma = record.indexOf(',', position);
    const end = comma < 0 ? record.length : comma;
    cells.push(cell + record.slice(position, end));
    if (comma < 0) return cells;
    position = end + 1;
  }
}

interface RecordIndex {
  count: number;
  starts: Float64Array;
  lengths: Uint32Array;
}

const newline = 0x0a;
const quote = 0x22;

/** Where the records are: lines that are not empty, and, where cells can be quoted, lines that a quoted cell joins. */
async function indexRecords(path: string, quotes: boolean): Promise<RecordIndex> {
  const index: RecordIndex = { count: 0, starts: new Float64Array(1024), lengths: new Uint32Array(1024) };
  await withFile(path, async (file) => {
    const buffer = new Uint8Array(1 << 20);
    let start = 0;
    let offset = 0;
    let quoted = false;
    let blank = true;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0) break;
      if (offset === 0 && buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf) start = 3;
      for (let i = start > offset ? start - offset : 0; i < bytesRead; i++) {
        const byte = buffer[i];
        if (byte === newline && !quoted) {
          if (!blank) addRecord(index, start, offset + i - start);
          start = offset + i + 1;
          blank = true;
        } else {
          if (quotes && byte === quote) quoted = !quoted;
          blank &&= byte <= 0x20;
        }
      }
      offset += bytesRead;
    }
    if (!blank) addRecord(index, start, offset - start);
  });
  return index;
}

function addRecord(index: RecordIndex, start: number, length: number): void {
  if (index.count === index.starts.length) {
    const { starts, lengths } = index;
    index.starts = new Float64Array(starts.length * 2);
    index.starts.set(starts);
    index.lengths = new Uint32Array(starts.length * 2);
    index.lengths.set(lengths);
  }
  index.starts[index.count] = start;
  index.lengths[index.count++] = length;
}

const blockLength = 1 << 16;

/** Reads records as text; neighbours come from one block of the file. */
function createReader(path: string, index: RecordIndex): (record: number) => Promise<string> {
  let block = new Uint8Array(0);
  let blockStart = 0;
  return async (record) => {
    const start = index.starts[record];
    const length = index.lengths[record];
    if (start < blockStart || start + length > blockStart + block.length) {
      const fresh = new Uint8Array(Math.max(blockLength, length));
      const bytesRead = await withFile(
        path,
        async (file) => (await file.read(fresh, 0, fresh.length, start)).bytesRead,
      );
      if (bytesRead < length) throw usageError(`${path} became shorter while it was read`, 'Run the command again.');
      block = fresh.subarray(0, bytesRead);
      blockStart = start;
      return decode(block, 0, length);
    }
    return decode(block, start - blockStart, length);
  };
}

function decode(bytes: Uint8Array, start: number, length: number): string {
  const text = new TextDecoder().decode(bytes.subarray(start, start + length));
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}

async function withFile<Result>(path: string, action: (file: FileHandle) => Promise<Result>): Promise<Result> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw ioError('read', path, cause);
  }
  try {
    return await action(file);
  } finally {
    await file.close();
  }
}
