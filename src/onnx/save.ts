// Saving a model: it is staged in a folder of its own beside the output, where it can be verified, and then moved into place.
import { closeSync, existsSync, ftruncateSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { DsoptError, ioError, outputExists, throwIfAborted, usageError } from '../errors.js';
import type { Model } from '../ir/index.js';
import { inlineWorkers, type Workers } from '../parallel/index.js';
import { StringTensor, type Tensor } from '../tensor/index.js';
import { encodeModel } from './encode.js';
import { type FileLayout, layOutExternal, layOutInline, layoutBytes, type Segment } from './layout.js';
import { makeStage } from './stage-folder.js';
import { dataFilesOfItsName } from './stale-data.js';
import { writeBytes, writeTensor, writeTensorTask } from './write-tensor.js';

export interface SaveOptions {
  /** Weights beside the model: when it would exceed 2 GiB (auto), always, or never. */
  readonly externalData?: 'auto' | 'always' | 'never';
  /** Most bytes of one data file; a single larger tensor still gets one. */
  readonly shardSize?: number;
  /** What the name of a data file adds to the model's, '.data' by default; '_1' and so on follow for others. */
  readonly dataSuffix?: string;
  readonly overwrite?: boolean;
  /** Threads that compute and write tensors. */
  readonly workers?: Workers;
  readonly signal?: AbortSignal;
}

/** A model that is written but not yet in its place. */
export interface StagedModel {
  /** The model file, loadable as it is. */
  readonly path: string;
  /** Bytes of all its files. */
  readonly byteLength: number;
  /** Moves the files into place; returns their final paths, the model first. */
  commit(): string[];
  discard(): void;
}

/** A protobuf message cannot be larger than 2 GiB. */
const mostInline = 2 ** 31 - 1;
/** Payloads from here on are worth a trip to a worker thread. */
const parallelLimit = 1 << 20;
/** Bytes written in this thread before signals and timers get their turn. */
const attentionInterval = 16 << 20;

/** Writes `model` to `path`: completely, or not at all. Returns the paths of the files, the model first. */
export async function saveModel(model: Model, path: string, options: SaveOptions = {}): Promise<string[]> {
  const staged = await stageModel(model, path, options);
  try {
    return staged.commit();
  } finally {
    staged.discard();
  }
}

/** Writes `model` into a new folder beside `path`. Throws IO errors; nothing is left behind then. */
export async function stageModel(model: Model, path: string, options: SaveOptions = {}): Promise<StagedModel> {
  const target = resolve(path);
  const folder = dirname(target);
  const files = layOut(model, basename(target), options);
  if (existsSync(target) && statSync(target).isDirectory()) throw ioError('write', path, { code: 'EISDIR' });
  if (!options.overwrite) refuseExisting(folder, files);
  const replaced = options.overwrite && existsSync(target) ? await dataFilesOfItsName(target) : [];
  const { stage, discard } = makeStage(folder);
  try {
    for (const file of files) await writeFile(join(stage, file.name), file, options);
  } catch (cause) {
    discard();
    // Users know the file by its final name.
    if (cause instanceof DsoptError) cause.message = cause.message.replace(stage, folder);
    throw cause;
  }
  return {
    path: join(stage, basename(target)),
    byteLength: files.reduce((sum, { length }) => sum + length, 0),
    commit() {
      if (!options.overwrite) refuseExisting(folder, files);
      try {
        // Data files first: the model never names a file that is not there yet, nor one that is of another model.
        if (files.length > 1) rmSync(target, { force: true });
        for (const { name } of files) renameSync(join(stage, name), join(folder, name));
        const written = new Set(files.map(({ name }) => join(folder, name)));
        for (const file of replaced) if (!written.has(file)) rmSync(file, { force: true });
      } catch (cause) {
        throw ioError('write', path, cause);
      } finally {
        discard();
      }
      return files.map(({ name }) => join(folder, name)).reverse();
    },
    discard,
  };
}

function refuseExisting(folder: string, files: readonly FileLayout[]): void {
  for (const { name } of files) if (existsSync(join(folder, name))) throw outputExists(join(folder, name));
}

function layOut(model: Model, name: string, options: SaveOptions): FileLayout[] {
  const { externalData = 'auto', shardSize = Number.POSITIVE_INFINITY, dataSuffix = '.data' } = options;
  const dataName = `${name}${dataSuffix}`;
  if (externalData === 'always') return layOutExternal(encodeModel(model), name, dataName, shardSize);
  const inline = layOutInline(encodeModel(model), name);
  if (inline.length <= mostInline) return [inline];
  if (externalData === 'never') {
    throw usageError(
      `${name} would have ${inline.length} bytes, and a model file cannot exceed 2 GiB`,
      'Pass --external-data auto.',
    );
  }
  return layOutExternal(encodeModel(model), name, dataName, shardSize);
}

/** Bytes that the files of `model` would have, without writing them. */
export function encodedLength(model: Model, options: SaveOptions = {}): number {
  return layOut(model, 'model.onnx', options).reduce((sum, { length }) => sum + length, 0);
}

async function writeFile(
  path: string,
  file: FileLayout,
  { workers = inlineWorkers, signal }: SaveOptions,
): Promise<void> {
  let fd: number;
  try {
    fd = openSync(path, 'wx');
  } catch (cause) {
    throw ioError('write', path, cause);
  }
  const failure = new AbortController();
  const pending: Promise<void>[] = [];
  try {
    reserve(fd, path, file.length);
    const stop = signal ? AbortSignal.any([signal, failure.signal]) : failure.signal;
    const parts = [...file.parts].sort((a, b) => b.content.byteLength - a.content.byteLength);
    let unattended = 0;
    for (const { position, content } of parts) {
      throwIfAborted(signal);
      const description = workers.jobs > 1 && isLarge(content) ? content.describe() : null;
      if (description) pending.push(workers.run(writeTensorTask, { path, position, tensor: description }, stop));
      else if (content instanceof Uint8Array) writeBytes(fd, path, position, content);
      else writeTensor(fd, path, position, content);
      unattended += description ? 0 : content.byteLength;
      if (unattended < attentionInterval) continue;
      unattended = 0;
      await setImmediate();
    }
    await Promise.all(pending);
  } finally {
    // Whether all went well or one failed: nothing may be left writing into a file that is closed or removed.
    failure.abort();
    await Promise.allSettled(pending);
    closeSync(fd);
  }
}

function isLarge(content: Segment): content is Tensor {
  return !(content instanceof Uint8Array) && !(content instanceof StringTensor) && content.byteLength >= parallelLimit;
}

function reserve(fd: number, path: string, length: number): void {
  try {
    ftruncateSync(fd, length);
  } catch (cause) {
    throw ioError('write', path, cause);
  }
}

/** The encoded model in memory, for engines that take bytes. Throws USAGE beyond 2 GiB. */
export function encodeToBytes(model: Model): Uint8Array {
  const file = layOutInline(encodeModel(model), 'model.onnx');
  if (file.length > mostInline) throw usageError('A model of more than 2 GiB cannot be held as bytes');
  return layoutBytes(file);
}
