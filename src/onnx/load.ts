// Loading a model: structure only; weights stay in the file until they are read.
import { dirname, resolve } from 'node:path';
import protobuf from 'protobufjs';
import { DsoptError, invalidModel } from '../errors.js';
import type { Model } from '../ir/index.js';
import { FileSource } from '../tensor/index.js';
import { decodeModel } from './decode.js';
import { ExternalData } from './external-data.js';
import { type ModelProto, messageType } from './schema.js';
import { readSkeleton } from './skeleton.js';
import { bufferSource, pagedSource } from './wire.js';

/** Loads the model at a path, or one given as encoded bytes. Throws MODEL_INVALID, MODEL_UNSUPPORTED or IO. */
export async function loadModel(model: string | Uint8Array): Promise<Model> {
  const name = typeof model === 'string' ? model : 'The model';
  try {
    return typeof model === 'string' ? loadFile(model) : decode(model, bufferSource(model), new ExternalData(null));
  } catch (cause) {
    throw describeFailure(name, cause);
  }
}

function loadFile(path: string): Model {
  const file = FileSource.open(path);
  if (file.size === 0) throw invalidModel('The file is empty');
  const model = decode(file, pagedSource(file), new ExternalData(dirname(resolve(path))));
  model.path = path;
  return model;
}

function decode(
  ownFile: FileSource | Uint8Array,
  source: Parameters<typeof readSkeleton>[0],
  externalData: ExternalData,
): Model {
  const { bytes, ownLocation } = readSkeleton(source);
  const reader = protobuf.Reader.create(bytes);
  reader.discardUnknown = false;
  const message = messageType('ModelProto').decode(reader) as ModelProto;
  return decodeModel(message, { ownLocation, ownFile, externalData });
}

function describeFailure(name: string, cause: unknown): unknown {
  if (cause instanceof DsoptError) {
    if (cause.code !== 'IO' && !cause.message.startsWith(name)) cause.message = `${name}: ${cause.message}`;
    return cause;
  }
  if (cause instanceof RangeError || cause instanceof Error) {
    return invalidModel(`${name} is not an ONNX model: ${cause.message}`, { cause });
  }
  return cause;
}
