// An encoded model as a tree of its fields, for damage that leaves the encoding whole and changes what it says.
import { type Field, type MessageType, messageType } from '../../src/onnx/message-type.js';
import { wireType } from '../../src/onnx/wire.js';

/** A field: a message has fields of its own, everything else its bytes (behind the length, where it has one). */
export interface FieldNode {
  readonly tag: number;
  /** Of ONNX's schema; undefined for a field that it does not know. */
  readonly field: Field | undefined;
  readonly children: FieldNode[] | null;
  bytes: Uint8Array;
}

/** Throws RangeError where the bytes are no message. */
export function parseModelFields(bytes: Uint8Array): FieldNode[] {
  return parseFields(bytes, messageType('ModelProto'));
}

function parseFields(bytes: Uint8Array, type: MessageType): FieldNode[] {
  const nodes: FieldNode[] = [];
  for (let position = 0; position < bytes.length; ) {
    const [tag, start] = readVarint(bytes, position);
    const [first, end] = valueRange(bytes, start, tag % 8);
    const field = type.byNumber[Math.floor(tag / 8)];
    const content = bytes.subarray(first, end);
    const children = field?.type && tag % 8 === wireType.lengthDelimited ? parseFields(content, field.type) : null;
    nodes.push({ tag, field, children, bytes: content });
    position = end;
  }
  return nodes;
}

export function encodeFields(nodes: readonly FieldNode[]): Uint8Array {
  return Buffer.concat(
    nodes.flatMap(({ tag, children, bytes }) => {
      const content = children ? encodeFields(children) : bytes;
      const length = tag % 8 === wireType.lengthDelimited ? [encodeVarint(content.length)] : [];
      return [encodeVarint(tag), ...length, content];
    }),
  );
}

/** Every list of fields of the tree, outermost first. */
export function* fieldLists(nodes: FieldNode[]): Iterable<FieldNode[]> {
  yield nodes;
  for (const { children } of nodes) if (children) yield* fieldLists(children);
}

/** @param value a whole number from 0 on. */
export function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return Uint8Array.from([...bytes, rest]);
}

function valueRange(bytes: Uint8Array, start: number, type: number): [number, number] {
  if (type === wireType.varint) return [start, readVarint(bytes, start)[1]];
  if (type === wireType.fixed64) return [start, start + 8];
  if (type === wireType.fixed32) return [start, start + 4];
  if (type !== wireType.lengthDelimited) throw new RangeError(`No wire type ${type}`);
  const [length, first] = readVarint(bytes, start);
  return [first, first + length];
}

function readVarint(bytes: Uint8Array, start: number): [value: number, end: number] {
  let value = 0;
  for (let position = start; position < bytes.length; position++) {
    value += (bytes[position] & 0x7f) * 128 ** (position - start);
    if (bytes[position] < 0x80) return [value, position + 1];
  }
  throw new RangeError('A number is cut off');
}
