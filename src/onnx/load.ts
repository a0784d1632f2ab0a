// Loading a model: structure only; weights stay in the file until they are read.
import { dirname, resolve } from 'node:path';
import { DsoptError, invalidModel } from '../errors.js';
import type { Model } from '../ir/index.js';
import { FileSource } from '../tensor/index.js';
import { type ByteSource, bufferByteSource, fileByteSource } from './byte-source.js';
import { decodeModel } from './decode.js';
import { decodeMessage } from './decode-message.js';
import { ExternalData } from './external-data.js';
import { messageType } from './message-type.js';
import type { ModelProto } from './messages.js';
import { readSkeleton } from './skeleton.js';

/** Loads the model at a path, or one given as encoded bytes. Throws MODEL_INVALID, MODEL_UNSUPPORTED or IO. */
export async function loadModel(model: string | Uint8Array): Promise<Model> {
  const name = typeof model === 'string' ? model : 'The model';
  try {
    return typeof model === 'string' ? loadFile(model) : decode(model, bufferByteSource(model), new ExternalData(null));
  } catch (cause) {
    throw describeFailure(name, cause);
  }
}

function loadFile(path: string): Model {
  const file = FileSource.open(path);
  if (file.size === 0) throw invalidModel('The file is empty');
  const externalData = new ExternalData(dirname(resolve(path)));
  const model = file.reading((reader) => decode(file, fileByteSource(reader), externalData));
  model.path = path;
  return model;
}

function decode(ownFile: FileSource | Uint8Array, source: ByteSource, externalData: ExternalData): Model {
  const { bytes, ownKey } = readSkeleton(source);
  const message: ModelProto = decodeMessage(messageType('ModelProto'), bytes);
  return decodeModel(message, { ownKey, ownFile, externalData });
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
