// Our codec against protobufjs's reflection, in both directions, on random messages of every type.
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { decodeMessage } from '../../src/onnx/decode-message.js';
import { encodeMessage } from '../../src/onnx/encode-message.js';
import { type MessageName, messageType } from '../../src/onnx/message-type.js';
import { schemaTable } from '../../src/onnx/schema-table.js';
import { decodeProto, encodeProto, protoType } from './proto.js';

const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(
    0n,
    1n,
    -1n,
    2n ** 31n,
    2n ** 32n,
    2n ** 53n - 1n,
    2n ** 53n,
    -(2n ** 53n),
    2n ** 63n - 1n,
    -(2n ** 63n),
  ),
);
const scalars: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  int32: fc.oneof(fc.integer(), fc.constantFrom(-1, 127, 128, -(2 ** 31), 2 ** 31 - 1)),
  int64,
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  float: fc.float({ noNaN: true }).filter((value) => !Object.is(value, -0)),
  double: fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0)),
  string: fc.string({ unit: 'binary', maxLength: 20 }),
  bytes: fc.uint8Array({ maxLength: 20 }),
};

/** Messages as protobufjs encodes them: 64-bit integers are strings there. */
function messages(type: protobuf.Type, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of type.fieldsArray) {
    const nested = field.resolvedType instanceof protobuf.Type ? field.resolvedType : null;
    if (nested && depth === 0) continue;
    const kind = field.resolvedType ? 'int32' : field.type;
    const one = nested
      ? messages(nested, depth - 1)
      : field.resolvedType instanceof protobuf.Enum
        ? fc.constantFrom(...Object.values(field.resolvedType.values))
        : scalars[kind].map((value) => (typeof value === 'bigint' ? value.toString() : value));
    fields[field.name] = field.repeated ? fc.array(one, { minLength: 1, maxLength: 3 }) : one;
  }
  return fc.record(fields, { requiredKeys: [] });
}

function withoutTypes(message: unknown): unknown {
  if (message instanceof Uint8Array) return [...message];
  if (Array.isArray(message)) return message.map(withoutTypes);
  if (typeof message === 'bigint') return message;
  if (message === null || typeof message !== 'object') return message;
  return Object.fromEntries(Object.entries(message).map(([key, value]) => [key, withoutTypes(value)]));
}

/** Our numbers and bigints as the reference gives them: every 64-bit integer a bigint, documentation a string. */
function likeReference(type: protobuf.Type, message: Record<string, unknown>): Record<string, unknown> {
  const convert = (field: protobuf.Field, value: unknown): unknown => {
    if (field.resolvedType instanceof protobuf.Type) return likeReference(field.resolvedType, value as never);
    if (field.type === 'int64' || field.type === 'uint64') return BigInt(value as number);
    return field.name === 'doc_string' ? Buffer.from(value as Uint8Array).toString() : withoutTypes(value);
  };
  return Object.fromEntries(
    Object.entries(message).map(([key, value]) => {
      const field = type.fields[key];
      return [key, field.repeated ? (value as unknown[]).map((item) => convert(field, item)) : convert(field, value)];
    }),
  );
}

describe.each(Object.keys(schemaTable) as MessageName[])('%s', (name) => {
  const arbitrary = messages(protoType(name), 3);

  test('what protobufjs writes is read', () => {
    fc.assert(
      fc.property(arbitrary, (message) => {
        const bytes = encodeProto(name, message);
        const ours = decodeMessage(messageType(name), bytes) as Record<string, unknown>;
        expect(likeReference(protoType(name), ours)).toEqual(decodeProto(name, bytes));
      }),
      { numRuns: 10, seed: 1 },
    );
  });

  test('what is read is written so that protobufjs reads the same', () => {
    fc.assert(
      fc.property(arbitrary, (message) => {
        const bytes = encodeProto(name, message);
        const written = encodeMessage(messageType(name), decodeMessage(messageType(name), bytes));
        expect(decodeProto(name, written)).toEqual(decodeProto(name, bytes));
      }),
      { numRuns: 10, seed: 2 },
    );
  });
});
