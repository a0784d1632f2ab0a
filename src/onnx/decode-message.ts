// Protobuf bytes → plain objects with the field names of onnx.proto, driven by the tables of message-type.ts.
// Nothing is generated at run time, so that reading a model starts at once.
import { Reader } from 'protobufjs/minimal.js';
import { DsoptError, invalidModel, unsupportedModel } from '../errors.js';
import { type Field, type MessageType, unknownFields } from './message-type.js';
import { wireType } from './wire.js';

type Message = Record<string, unknown> & { [unknownFields]?: Uint8Array[] };

/** Messages within messages; protobuf's own limit. */
export const deepestMessage = 100;

/** Throws MODEL_INVALID where the bytes are no such message, MODEL_UNSUPPORTED where messages nest too deep. */
export function decodeMessage(type: MessageType, bytes: Uint8Array): object {
  const reader = Reader.create(bytes);
  const message: Message = {};
  try {
    readFields(type, reader, bytes.length, message, 0);
  } catch (cause) {
    if (cause instanceof DsoptError) throw cause;
    // The reader throws errors of its own at the end of the bytes and at malformed numbers.
    throw invalidModel(`The file is cut off or damaged: ${(cause as Error).message}`, { cause });
  }
  return message;
}

function readFields(type: MessageType, reader: Reader, end: number, message: Message, depth: number): void {
  if (depth > deepestMessage) throw tooDeep();
  while (reader.pos < end) {
    const start = reader.pos;
    const tag = reader.tag();
    const field = type.byNumber[tag >>> 3];
    const wire = tag & 7;
    if (field && (wire === field.wireType || (field.repeated && wire === wireType.lengthDelimited))) {
      readField(field, reader, wire, end, message, depth);
    } else {
      reader.skipType(wire, depth, tag >>> 3);
      message[unknownFields] ??= [];
      message[unknownFields].push(reader.raw(start, reader.pos));
    }
  }
  if (reader.pos !== end) throw invalidModel(`A ${type.name} ends ${reader.pos - end} bytes too late`);
}

export function tooDeep(): Error {
  return unsupportedModel(`The model nests graphs deeper than ${Math.floor(deepestMessage / 3)} levels`);
}

function readField(field: Field, reader: Reader, wire: number, end: number, message: Message, depth: number): void {
  for (const rival of field.rivals) delete message[rival];
  if (field.type) {
    const length = reader.size();
    if (length > end - reader.pos) throw invalidModel(`A ${field.name} of ${length} bytes does not fit in`);
    let part: Message;
    if (field.repeated) {
      part = {};
      listOf(message, field).push(part);
    } else {
      // A message that comes twice is merged, as every protobuf reader does.
      part = (message[field.name] as Message | undefined) ?? {};
      message[field.name] = part;
    }
    readFields(field.type, reader, reader.pos + length, part, depth + 1);
  } else if (!field.repeated) {
    message[field.name] = readScalar(field, reader);
  } else {
    const list = listOf(message, field);
    if (wire === field.wireType) {
      list.push(readScalar(field, reader));
      return;
    }
    const packedEnd = reader.size() + reader.pos;
    if (packedEnd > end) throw invalidModel(`The values of ${field.name} do not fit in`);
    while (reader.pos < packedEnd) list.push(readScalar(field, reader));
    if (reader.pos !== packedEnd) throw invalidModel(`The values of ${field.name} are cut off`);
  }
}

function listOf(message: Message, field: Field): unknown[] {
  const list = (message[field.name] as unknown[] | undefined) ?? [];
  message[field.name] = list;
  return list;
}

function readScalar(field: Field, reader: Reader): unknown {
  switch (field.kind) {
    case 'int32':
      return reader.int32();
    case 'int64':
      return readInt64(reader, true);
    case 'uint64':
      return readInt64(reader, false);
    case 'float':
      return reader.float();
    case 'double':
      return reader.double();
    case 'bytes':
      return reader.bytes();
    default:
      return readString(field, reader);
  }
}

function readString(field: Field, reader: Reader): string {
  const start = reader.pos;
  const text = reader.string();
  // Decoding replaces what is not UTF-8; such a name could not be written back, nor told from others.
  if (text.includes('\ufffd')) {
    let contentStart = start;
    while (reader.buf[contentStart++] >= 0x80);
    if (Buffer.compare(Buffer.from(text), reader.raw(contentStart, reader.pos)) !== 0)
      throw unsupportedModel(`A ${field.name} is not encoded as UTF-8: ${JSON.stringify(text.slice(0, 80))}`);
  }
  return text;
}

/** A 64-bit integer: a number where that is exact, a bigint beyond. */
function readInt64(reader: Reader, signed: boolean): number | bigint {
  const { buf } = reader;
  let low = 0;
  let high = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (reader.pos >= reader.len) throw new RangeError('a number is cut off');
    const byte = buf[reader.pos++];
    const bits = byte & 0x7f;
    if (shift < 28) low |= bits << shift;
    else if (shift === 28) {
      low |= bits << 28;
      high |= bits >> 4;
    } else if (shift < 64) high |= bits << (shift - 32);
    if (byte < 0x80) return joinInt64(low, high, signed);
  }
  throw new RangeError('a number has more than 64 bits');
}

function joinInt64(low: number, high: number, signed: boolean): number | bigint {
  const top = signed ? high : high >>> 0;
  if (top >= -0x200000 && top < 0x200000) {
    const number = top * 0x100000000 + (low >>> 0);
    if (Number.isSafeInteger(number)) return number;
  }
  return (BigInt(top) << 32n) | BigInt(low >>> 0);
}
