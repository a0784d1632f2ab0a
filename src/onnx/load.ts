// Loading a model: structure only; weights stay in the file until they are read.
import { DsoptError, invalidModel } from '../errors.js';
import type { Model } from '../ir/index.js';
import { FileSource } from '../tensor/index.js';
import { type ByteSource, bufferByteSource, fileByteSource } from './byte-source.js';
import { decodeModel } from './decode.js';
import { decodeMessage } from './decode-message.js';
import { ExternalData } from './external-data.js';
import { foreignFile, foreignFileStart } from './foreign-file.js';
import { messageType } from './message-type.js';
import type { ModelProto } from './messages.js';
import { readSkeleton } from './skeleton.js';

/** Loads the model at a path, or one given as encoded bytes. Throws MODEL_INVALID, MODEL_UNSUPPORTED or IO. */
export async function loadModel(model: string | Uint8Array): Promise<Model> {
  if (typeof model !== 'string') {
    return decode('The model', model, bufferByteSource(model), new ExternalData(null));
  }
  const file = FileSource.open(model);
  const loaded = file.reading((reader) => decode(model, file, fileByteSource(reader), new ExternalData(model)));
  loaded.path = model;
  return loaded;
}

/** `name` is what messages call the model. */
function decode(name: string, ownFile: FileSource | Uint8Array, source: ByteSource, externalData: ExternalData): Model {
  if (source.size === 0) throw invalidModel(`${name} is empty`);
  try {
    const { bytes, ownKey } = readSkeleton(source);
    const message: ModelProto = decodeMessage(messageType('ModelProto'), bytes);
    return decodeModel(message, { ownKey, ownFile, externalData });
  } catch (cause) {
    throw describeFailure(name, source, cause);
  }
}

function describeFailure(name: string, source: ByteSource, cause: unknown): unknown {
  const isOwn = cause instanceof DsoptError;
  if (isOwn && cause.code === 'MODEL_UNSUPPORTED') {
    cause.message = `${name}: ${cause.message}`;
    return cause;
  }
  if (!(cause instanceof Error) || (isOwn && cause.code !== 'MODEL_INVALID')) return cause;
  const foreign = foreignFile(source.read(0, Math.min(foreignFileStart, source.size)));
  if (foreign) return invalidModel(`${name} is no ONNX model but ${foreign.what}`, { hint: foreign.hint, cause });
  // The decoder itself fails with RangeErrors where a file asks for more than JavaScript holds.
  if (!isOwn) return invalidModel(`${name} is not an ONNX model: ${cause.message}`, { cause });
  cause.message = `${name}: ${cause.message}`;
  return cause;
}
