// Plain objects with the field names of onnx.proto → protobuf bytes, driven by the tables of message-type.ts.
import { Writer } from 'protobufjs/minimal.js';
import { type Field, type MessageType, unknownFields } from './message-type.js';
import { wireType } from './wire.js';

type Message = Readonly<Record<string, unknown>> & { readonly [unknownFields]?: readonly Uint8Array[] };

/** Properties that are no fields of `type` are left out. */
export function encodeMessage(type: MessageType, message: object): Uint8Array {
  const writer = Writer.create();
  writeFields(type, message as Message, writer);
  return writer.finish();
}

function writeFields(type: MessageType, message: Message, writer: Writer): void {
  for (const field of type.fields) {
    const value = message[field.name];
    if (value === undefined || value === null) continue;
    if (!field.repeated) writeOne(field, value, writer);
    else if (!field.packed) for (const item of value as unknown[]) writeOne(field, item, writer);
    else if ((value as unknown[]).length > 0) {
      writer.uint32(tag(field.number, wireType.lengthDelimited)).fork();
      for (const item of value as unknown[]) writeScalar(field, item, writer);
      writer.ldelim();
    }
  }
  for (const bytes of message[unknownFields] ?? []) writer.raw(bytes);
}

function writeOne(field: Field, value: unknown, writer: Writer): void {
  writer.uint32(tag(field.number, field.wireType));
  if (field.type) {
    writer.fork();
    writeFields(field.type, value as Message, writer);
    writer.ldelim();
  } else writeScalar(field, value, writer);
}

function tag(number: number, wire: number): number {
  return number * 8 + wire;
}

function writeScalar(field: Field, value: unknown, writer: Writer): void {
  switch (field.kind) {
    case 'int32':
      writer.int32(value as number);
      break;
    case 'int64':
    case 'uint64':
      writer.int64(typeof value === 'bigint' ? value.toString() : (value as number));
      break;
    case 'float':
      writer.float(value as number);
      break;
    case 'double':
      writer.double(value as number);
      break;
    case 'bytes':
      writer.bytes(value as Uint8Array);
      break;
    default:
      writer.string(value as string);
  }
}
