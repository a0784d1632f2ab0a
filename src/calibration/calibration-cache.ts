// What calibration found, kept in a file: a second run with other options takes it from there. Entries are found by hashes of what they depend on: the model
// that was observed, the samples, and what was asked.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Feeds } from '../engine/index.js';
import { ioError, usageError } from '../errors.js';
import type { Model } from '../ir/index.js';
import { encodeToBytes } from '../onnx/index.js';

const arrayTypes = { Int8Array, Float32Array, Float64Array } as const;
type CachedArray = Int8Array | Float32Array | Float64Array;

/** Numbers, words and arrays by name. */
export type CacheEntry = Readonly<Record<string, CachedArray | number | readonly string[]>>;

/** JSON knows no infinities, which extremes of nothing are. */
const storedValue = z.union([
  z.number(),
  z.enum(['Infinity', '-Infinity']),
  z.array(z.string()),
  z.strictObject({ type: z.enum(['Int8Array', 'Float32Array', 'Float64Array']), base64: z.base64() }),
]);
const storedCache = z.strictObject({
  schema: z.literal('dsopt.calibration/1'),
  entries: z.record(z.string(), z.record(z.string(), storedValue)),
});
type StoredEntry = z.output<typeof storedCache>['entries'][string];

export class CalibrationCache {
  /** Entries that were found, and that were not. */
  hits = 0;
  misses = 0;
  private readonly path: string;
  private readonly stored: Map<string, StoredEntry>;
  private readonly used = new Map<string, StoredEntry>();

  private constructor(path: string, stored: ReadonlyMap<string, StoredEntry>) {
    this.path = path;
    this.stored = new Map(stored);
  }

  /** A new one where there is no file. Throws USAGE for a file that is something else, IO where it cannot be read. */
  static open(path: string): CalibrationCache {
    if (!existsSync(path)) return new CalibrationCache(path, new Map());
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (cause) {
      throw ioError('read', path, cause);
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      parsed = null;
    }
    const { success, data } = storedCache.safeParse(parsed);
    if (!success) {
      throw usageError(
        `${path} is no calibration cache`,
        'Name a file that does not exist yet, or one that dsopt wrote.',
      );
    }
    return new CalibrationCache(path, new Map(Object.entries(data.entries)));
  }

  get(key: string): CacheEntry | null {
    const entry = this.used.get(key) ?? this.stored.get(key);
    if (!entry) {
      this.misses++;
      return null;
    }
    this.hits++;
    this.used.set(key, entry);
    return Object.fromEntries(Object.entries(entry).map(([name, value]) => [name, restore(value)]));
  }

  set(key: string, entry: CacheEntry): void {
    this.used.set(key, Object.fromEntries(Object.entries(entry).map(([name, value]) => [name, store(value)])));
  }

  /** Writes what was found or made, and what was there; nothing where nothing is new. Throws IO. */
  save(): void {
    if (this.misses === 0) return;
    const entries = Object.fromEntries([...this.stored, ...this.used]);
    const temporary = `${this.path}.${process.pid}.tmp`;
    try {
      writeFileSync(temporary, JSON.stringify({ schema: 'dsopt.calibration/1', entries }));
      renameSync(temporary, this.path);
    } catch (cause) {
      throw ioError('write', this.path, cause);
    }
  }
}

function store(value: CacheEntry[string]): StoredEntry[string] {
  if (typeof value === 'number') return Number.isFinite(value) ? value : value > 0 ? 'Infinity' : '-Infinity';
  if (!ArrayBuffer.isView(value)) return [...value];
  const type = value.constructor.name as keyof typeof arrayTypes;
  return { type, base64: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
}

function restore(value: StoredEntry[string]): CacheEntry[string] {
  if (typeof value === 'number' || Array.isArray(value)) return value;
  if (typeof value === 'string') return Number(value);
  const bytes = Uint8Array.from(Buffer.from(value.base64, 'base64'));
  const ArrayType = arrayTypes[value.type];
  const length = Math.floor(bytes.length / ArrayType.BYTES_PER_ELEMENT);
  return new ArrayType(bytes.buffer, 0, length);
}

/** SHA-256 of the parts, in hex. */
export function hashOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
}

/** Of structure and weights. Throws for models beyond what one message takes (2 GiB). */
export function hashModel(model: Model): string {
  return hashOf(encodeToBytes(model));
}

export async function hashSamples(samples: AsyncIterable<Feeds>): Promise<string> {
  const hash = createHash('sha256');
  for await (const feeds of samples) {
    for (const name of Object.keys(feeds).sort()) {
      const { dataType, shape } = feeds[name];
      hash.update(`${name} ${dataType} [${shape}] `).update(feeds[name].bytes());
    }
    hash.update(';');
  }
  return hash.digest('hex');
}
