// ONNX messages through protobufjs's own reflection on onnx.proto: independent of the tables and loops that src/onnx uses.
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

const text = readFileSync(new URL('../../src/onnx/onnx.proto', import.meta.url), 'utf8');
export const root = protobuf.parse(text, { keepCase: true }).root;
root.resolveAll();

export function protoType(name: string): protobuf.Type {
  return root.lookupType(`onnx.${name}`);
}

/** Encodes a plain object with the field names of onnx.proto. */
export function encodeProto(name: string, message: object): Uint8Array {
  return protoType(name).encode(message).finish();
}

/** Decodes to a plain object: bytes as Buffer, 64-bit integers as bigint, absent fields absent. */
export function decodeProto(name: string, bytes: Uint8Array): Record<string, unknown> {
  const type = protoType(name);
  return type.toObject(type.decode(bytes), { longs: BigInt, bytes: Array });
}
