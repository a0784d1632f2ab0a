// .npz files: zip archives of .npy files. Stored entries are read where they lie; compressed ones are first inflated into a
// temporary folder, because rows of them cannot be found otherwise. Format: PKWARE APPNOTE 4.3, with its zip64 extension.
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { usageError } from '../../errors.js';
import { FileSource } from '../../tensor/index.js';
import { type NpyArray, openNpy } from './npy.js';

export interface OpenedArrays {
  readonly arrays: readonly NpyArray[];
  close(): Promise<void>;
}

export async function openNpz(path: string): Promise<OpenedArrays> {
  const source = FileSource.open(path);
  const entries = readDirectory(source);
  let folder: string | null = null;
  const arrays: NpyArray[] = [];
  const close = async (): Promise<void> => {
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  };
  try {
    for (const [index, entry] of entries.entries()) {
      if (!entry.name.endsWith('.npy')) continue;
      const name = entry.name.slice(0, -4);
      const start = dataStart(source, entry);
      if (entry.method === 0) arrays.push(openNpy(name, source, start));
      else if (entry.method === 8) {
        folder ??= await mkdtemp(join(tmpdir(), 'dsopt-npz-'));
        const inflated = join(folder, `${index}.npy`);
        const compressed = createReadStream(path, { start, end: start + entry.compressedSize - 1 });
        await pipeline(compressed, createInflateRaw(), createWriteStream(inflated));
        arrays.push(openNpy(name, FileSource.open(inflated)));
      } else throw usageError(`${path} is compressed by a method (${entry.method}) that NumPy does not use`);
    }
  } catch (cause) {
    await close();
    throw cause;
  }
  return { arrays, close };
}

interface Entry {
  readonly name: string;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly compressedSize: number;
  readonly headerOffset: number;
}

const endSignature = 0x06054b50;
const zip64LocatorSignature = 0x07064b50;
const entrySignature = 0x02014b50;

function readDirectory(source: FileSource): readonly Entry[] {
  const tailLength = Math.min(source.size, 22 + 65535 + 20);
  const tailStart = source.size - tailLength;
  const tail = view(source.read(tailStart, tailLength));
  let end = tailLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== endSignature) end--;
  if (end < 0) throw usageError(`${source.path} is not a zip archive, as .npz files are`);
  let count = tail.getUint16(end + 10, true);
  let length = tail.getUint32(end + 12, true);
  let offset = tail.getUint32(end + 16, true);
  if (end >= 20 && tail.getUint32(end - 20, true) === zip64LocatorSignature) {
    const record = view(source.read(Number(tail.getBigUint64(end - 20 + 8, true)), 56));
    count = Number(record.getBigUint64(32, true));
    length = Number(record.getBigUint64(40, true));
    offset = Number(record.getBigUint64(48, true));
  }
  const directory = view(source.read(offset, length));
  const entries: Entry[] = [];
  for (let at = 0, i = 0; i < count; i++) {
    if (directory.getUint32(at, true) !== entrySignature)
      throw usageError(`The zip directory of ${source.path} is damaged`);
    const nameLength = directory.getUint16(at + 28, true);
    const extraLength = directory.getUint16(at + 30, true);
    const name = Buffer.from(directory.buffer, directory.byteOffset + at + 46, nameLength).toString('utf8');
    entries.push({
      name,
      method: directory.getUint16(at + 10, true),
      ...entrySizes(directory, at, nameLength, extraLength),
    });
    at += 46 + nameLength + extraLength + directory.getUint16(at + 32, true);
  }
  return entries;
}

/** Sizes and offsets of 0xffffffff stand in the zip64 extra field, in the order of the fields that have it. */
function entrySizes(directory: DataView, at: number, nameLength: number, extraLength: number) {
  let compressedSize = directory.getUint32(at + 20, true);
  let headerOffset = directory.getUint32(at + 42, true);
  const extraEnd = at + 46 + nameLength + extraLength;
  for (let field = at + 46 + nameLength; field + 4 <= extraEnd; field += 4 + directory.getUint16(field + 2, true)) {
    if (directory.getUint16(field, true) !== 1) continue;
    let value = field + 4 + (directory.getUint32(at + 24, true) === 0xffffffff ? 8 : 0);
    if (compressedSize === 0xffffffff) {
      compressedSize = Number(directory.getBigUint64(value, true));
      value += 8;
    }
    if (headerOffset === 0xffffffff) headerOffset = Number(directory.getBigUint64(value, true));
  }
  return { compressedSize, headerOffset };
}

/** Name and extra field are repeated before the data, with lengths of their own. */
function dataStart(source: FileSource, { headerOffset }: Entry): number {
  const header = view(source.read(headerOffset, 30));
  return headerOffset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
