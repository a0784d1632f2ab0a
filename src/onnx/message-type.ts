// The messages of onnx.proto as tables that decoding and encoding walk.
import { schemaTable } from './schema-table.js';
import { wireType } from './wire.js';

export type MessageName = keyof typeof schemaTable;

export type ScalarKind = 'int32' | 'int64' | 'uint64' | 'float' | 'double' | 'string' | 'bytes';

export interface Field {
  readonly number: number;
  readonly name: string;
  readonly kind: ScalarKind | 'message';
  /** How one value is written. */
  readonly wireType: number;
  readonly repeated: boolean;
  /** Repeated numbers are written as one run of values; reading takes either way. */
  readonly packed: boolean;
  /** Names of the fields that being set unsets (oneof). */
  readonly rivals: readonly string[];
  /** Of a field that holds messages. */
  readonly type: MessageType | null;
}

export interface MessageType {
  readonly name: string;
  /** By ascending number, the order in which they are written. */
  readonly fields: readonly Field[];
  /** Indexed by number. */
  readonly byNumber: readonly (Field | undefined)[];
}

/** Holds the encoded fields that the schema does not know; they are written back behind the known ones. */
export const unknownFields: unique symbol = Symbol('unknown fields');

interface MutableMessageType extends MessageType {
  readonly fields: Field[];
  readonly byNumber: (Field | undefined)[];
}

const wireTypes: Readonly<Record<Field['kind'], number>> = {
  int32: wireType.varint,
  int64: wireType.varint,
  uint64: wireType.varint,
  float: wireType.fixed32,
  double: wireType.fixed64,
  string: wireType.lengthDelimited,
  bytes: wireType.lengthDelimited,
  message: wireType.lengthDelimited,
};

const types = new Map<string, MutableMessageType>(
  Object.keys(schemaTable).map((name) => [name, { name, fields: [], byNumber: [] }]),
);
for (const [message, fields] of Object.entries<Readonly<Record<number, string>>>(schemaTable)) {
  const { fields: list, byNumber } = types.get(message)!;
  for (const [number, text] of Object.entries(fields)) {
    const field = parseField(Number(number), text, Object.values(fields));
    list.push(field);
    byNumber[field.number] = field;
  }
}

function parseField(number: number, text: string, siblings: readonly string[]): Field {
  const [, typeName, mark, name, oneof] = /^([\w.]+)([*+]?) (\w+)( in \w+)?$/.exec(text)!;
  const rivals = oneof ? siblings.filter((sibling) => sibling !== text && sibling.endsWith(oneof)) : [];
  const type = types.get(typeName) ?? null;
  // Documentation is carried, never looked at, and not in UTF-8 in every file.
  const scalar = name === 'doc_string' ? 'bytes' : (typeName as ScalarKind);
  const kind = type ? 'message' : scalar;
  return {
    number,
    name,
    kind,
    wireType: wireTypes[kind],
    repeated: mark !== '',
    packed: mark === '+',
    rivals: rivals.map((rival) => rival.split(' ')[1]),
    type,
  };
}

export function messageType(name: MessageName): MessageType {
  return types.get(name)!;
}

export function fieldNumber(type: MessageType, name: string): number {
  return type.fields.find((field) => field.name === name)!.number;
}
