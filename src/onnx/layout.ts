// Where every byte of the files to be written goes: encoded structure and tensor payloads at known positions,
// so that payloads can be computed and written one by one, in any order and by several threads.
import type { Tensor } from '../tensor/index.js';
import { encodeMessage } from './encode-message.js';
import { fieldNumber, type MessageType, messageType } from './message-type.js';
import { externalLocation, type ModelProto, type TensorProto } from './messages.js';
import { weightCarryingParts } from './weight-carriers.js';
import { lengthDelimitedHeader } from './wire.js';

/** A part of a file: bytes, or the raw_data of a tensor. */
export type Segment = Uint8Array | Tensor;

export interface FileLayout {
  /** Name within the folder of the model. */
  readonly name: string;
  readonly parts: readonly { readonly position: number; readonly content: Segment }[];
  readonly length: number;
}

/** External data goes to pages of its own, so that it can be mapped into memory. */
const externalAlignment = 4096;
/** Tensors below this stay in the model file: onnxruntime reads shapes and axes from them while it loads. */
const externalLimit = 1024;

/** One file: structure and weights together. */
export function layOutInline(message: ModelProto, name: string): FileLayout {
  return layOutFile(name, encodeSegments(messageType('ModelProto'), message));
}

/** The model file and its data files, each at most `shardSize` bytes (or one tensor). */
export function layOutExternal(message: ModelProto, name: string, dataName: string, shardSize: number): FileLayout[] {
  const shards: { name: string; parts: { position: number; content: Segment }[]; length: number }[] = [];
  const placed = new Map<Tensor, { shard: (typeof shards)[number]; position: number }>();
  for (const tensorMessage of tensorMessages(message)) {
    const tensor = tensorMessage.payload!;
    if (tensor.byteLength < externalLimit) continue;
    let place = placed.get(tensor);
    if (!place) {
      let shard = shards.at(-1);
      if (!shard || align(shard.length) + tensor.byteLength > shardSize) {
        shard = { name: shards.length === 0 ? dataName : `${dataName}_${shards.length}`, parts: [], length: 0 };
        shards.push(shard);
      }
      place = { shard, position: align(shard.length) };
      shard.parts.push({ position: place.position, content: tensor });
      shard.length = place.position + tensor.byteLength;
      placed.set(tensor, place);
    }
    refer(tensorMessage, place.shard.name, place.position, tensor.byteLength);
  }
  return [...shards, layOutInline(message, name)];
}

/** The tensor messages of a model that have a payload, wherever they are. */
export function tensorMessages(message: ModelProto): TensorProto[] {
  return collectPayloads(messageType('ModelProto'), message, []);
}

/** Makes the payload of a tensor message external data: `length` bytes at `offset` of the file at `location`. */
export function refer(message: TensorProto, location: string, offset: number, length: number): void {
  delete message.payload;
  message.data_location = externalLocation;
  message.external_data = Object.entries({ location, offset, length }).map(([key, value]) => ({
    key,
    value: String(value),
  }));
}

/** The bytes of a file of the layout, payloads computed. */
export function layoutBytes(file: FileLayout): Uint8Array {
  const bytes = new Uint8Array(file.length);
  for (const { position, content } of file.parts) {
    if (content instanceof Uint8Array) {
      bytes.set(content, position);
      continue;
    }
    let at = position;
    for (const chunk of content.chunks()) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
  }
  return bytes;
}

function align(position: number): number {
  return Math.ceil(position / externalAlignment) * externalAlignment;
}

function layOutFile(name: string, segments: readonly Segment[]): FileLayout {
  const parts: { position: number; content: Segment }[] = [];
  let position = 0;
  for (const content of segments) {
    parts.push({ position, content });
    position += lengthOf(content);
  }
  return { name, parts, length: position };
}

function lengthOf(segment: Segment): number {
  return segment.byteLength;
}

function collectPayloads(type: MessageType, message: object, found: TensorProto[]): TensorProto[] {
  if (type.name !== 'TensorProto') {
    for (const { field, part } of weightCarryingParts(type, message)) collectPayloads(field.type, part, found);
  } else if ((message as TensorProto).payload) found.push(message as TensorProto);
  return found;
}

function hasPayload(type: MessageType, message: object): boolean {
  if (type.name === 'TensorProto') return (message as TensorProto).payload !== undefined;
  return weightCarryingParts(type, message).some(({ field, part }) => hasPayload(field.type, part));
}

/** Encodes a message to bytes with the payloads of its tensors left as tensors. */
function encodeSegments(type: MessageType, message: object): Segment[] {
  if (type.name === 'TensorProto') return encodeTensorSegments(type, message as TensorProto);
  if (!hasPayload(type, message)) return [encodeMessage(type, message)];
  const parts = weightCarryingParts(type, message);
  const rest: Record<string, unknown> = { ...message };
  for (const { field } of parts) delete rest[field.name];
  const segments: Segment[] = [encodeMessage(type, rest)];
  for (const { field, part } of parts) {
    const content = encodeSegments(field.type, part);
    const length = content.reduce((sum, segment) => sum + lengthOf(segment), 0);
    segments.push(lengthDelimitedHeader(field.number, length), ...content);
  }
  return joinBytes(segments);
}

function encodeTensorSegments(type: MessageType, message: TensorProto): Segment[] {
  const { payload, ...rest } = message;
  const bytes = encodeMessage(type, rest);
  if (!payload || payload.dataType === 'string') return [bytes];
  return [bytes, lengthDelimitedHeader(fieldNumber(type, 'raw_data'), payload.byteLength), payload];
}

function joinBytes(segments: readonly Segment[]): Segment[] {
  const joined: Segment[] = [];
  let run: Uint8Array[] = [];
  const flush = (): void => {
    if (run.length > 0) joined.push(run.length === 1 ? run[0] : Buffer.concat(run));
    run = [];
  };
  for (const segment of segments) {
    if (segment instanceof Uint8Array) run.push(segment);
    else {
      flush();
      joined.push(segment);
    }
  }
  flush();
  return joined;
}
