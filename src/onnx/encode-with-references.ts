// A model as bytes whose weights stay where they are: each large tensor that is a range of a file becomes external data at
// that range, so that an engine maps it into memory instead of getting a copy. What is computed or in memory goes along
// in the message, or, when that is a lot, into a temporary file.
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, parse, relative, sep } from 'node:path';
import { DsoptError, ioError, usageError } from '../errors.js';
import type { Model } from '../ir/index.js';
import { type FileSource, FileTensor, type Tensor } from '../tensor/index.js';
import { encodeModel } from './encode.js';
import { layOutInline, layoutBytes, refer, tensorMessages } from './layout.js';
import type { TensorProto } from './messages.js';
import { writeTensor } from './write-tensor.js';

export interface ReferencedModel {
  readonly bytes: Uint8Array;
  /** What the locations of its external data are relative to; null when it has none. */
  readonly folder: string | null;
  /** Removes the temporary file, if there is one; the model cannot be read any more then. */
  release(): void;
}

/** Tensors below this go into the message: engines read shapes and axes from them while they load. */
const referenceLimit = 16 << 10;
/** More bytes than this, computed or in memory, go to a temporary file: bytes in a message are held several times while it is parsed. */
const defaultInlineLimit = 256 << 20;
const mostMessageBytes = 2 ** 31 - 1;

interface Placement {
  readonly message: TensorProto;
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

/** Throws IO when a file has changed since it was loaded, USAGE when all but the large tensors exceeds 2 GiB. */
export function encodeWithReferences(
  model: Model,
  { inlineLimit = defaultInlineLimit }: { inlineLimit?: number } = {},
): ReferencedModel {
  const message = encodeModel(model);
  const placements: Placement[] = [];
  const others: TensorProto[] = [];
  const paths = new Map<FileSource, string | null>();
  for (const tensorMessage of tensorMessages(message)) {
    const tensor = tensorMessage.payload!;
    if (tensor.byteLength < referenceLimit) {
      embed(tensorMessage);
      continue;
    }
    const path = tensor instanceof FileTensor && tensor.encoding === 'raw' ? mappablePath(tensor.source, paths) : null;
    if (tensor instanceof FileTensor && path !== null) {
      placements.push({ message: tensorMessage, path, offset: tensor.offset, length: tensor.length });
    } else others.push(tensorMessage);
  }
  const distinct = new Set(others.map(({ payload }) => payload!));
  const scratch =
    [...distinct].reduce((sum, { byteLength }) => sum + byteLength, 0) > inlineLimit ? writeScratch(distinct) : null;
  try {
    if (scratch) {
      for (const tensorMessage of others) {
        const { byteLength: length } = tensorMessage.payload!;
        const offset = scratch.offsets.get(tensorMessage.payload!)!;
        placements.push({ message: tensorMessage, path: scratch.path, offset, length });
      }
    }
    const folder = commonFolder(new Set(placements.map(({ path }) => path)));
    for (const { message: tensorMessage, path, offset, length } of placements) {
      refer(
        tensorMessage,
        relative(folder ?? '', path)
          .split(sep)
          .join('/'),
        offset,
        length,
      );
    }
    const file = layOutInline(message, 'model.onnx');
    if (file.length > mostMessageBytes) throw usageError('The model has more than 2 GiB beside its large tensors');
    return { bytes: layoutBytes(file), folder, release: () => scratch?.remove() };
  } catch (cause) {
    scratch?.remove();
    throw cause;
  }
}

/** Puts a small payload into the message itself, which is quicker than keeping it apart. */
function embed(message: TensorProto): void {
  const { payload } = message;
  if (!payload || payload.dataType === 'string') return;
  message.raw_data = payload.bytes();
  delete message.payload;
}

/** The file's own path, free of symbolic links; null on another drive than the temporary folder, where one folder cannot hold both. */
function mappablePath(source: FileSource, paths: Map<FileSource, string | null>): string | null {
  let path = paths.get(source);
  if (path === undefined) {
    source.assertUnchanged();
    const real = realpathSync(source.path);
    path = parse(real).root === parse(realpathSync(tmpdir())).root ? real : null;
    paths.set(source, path);
  }
  return path;
}

function commonFolder(paths: ReadonlySet<string>): string | null {
  let common: string | null = null;
  for (const path of paths) {
    common ??= dirname(path);
    while (!path.startsWith(common.endsWith(sep) ? common : common + sep)) common = dirname(common);
  }
  return common;
}

interface Scratch {
  readonly path: string;
  readonly offsets: ReadonlyMap<Tensor, number>;
  remove(): void;
}

const activeFolders = new Set<string>();
process.on('exit', () => {
  for (const folder of activeFolders) rmSync(folder, { recursive: true, force: true });
});

function writeScratch(tensors: ReadonlySet<Tensor>): Scratch {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'dsopt-'));
  activeFolders.add(folder);
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
    activeFolders.delete(folder);
  };
  const path = join(folder, 'weights');
  const offsets = new Map<Tensor, number>();
  try {
    const fd = openSync(path, 'wx');
    try {
      let position = 0;
      for (const tensor of tensors) {
        writeTensor(fd, path, position, tensor);
        offsets.set(tensor, position);
        position = Math.ceil((position + tensor.byteLength) / 4096) * 4096;
      }
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    remove();
    throw cause instanceof DsoptError ? cause : ioError('write', path, cause);
  }
  return { path, offsets, remove };
}
