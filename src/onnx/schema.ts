// The protobuf schema of ONNX at work: protobufjs types made from onnx.proto, and the shapes of the messages they decode to.
import { readFileSync } from 'node:fs';
import Long from 'long';
import protobuf from 'protobufjs';
import type { AttributeTypeName } from '../ir/index.js';
import type { Tensor } from '../tensor/index.js';

const root = protobuf.parse(readFileSync(new URL('./onnx.proto', import.meta.url), 'utf8'), { keepCase: true }).root;
root.resolveAll();

export function messageType(name: string): protobuf.Type {
  return root.lookupType(`onnx.${name}`);
}

/** protobufjs gives 64-bit integers as Long; writing takes bigint-made Longs too. */
export type Int64 = Long | number;

export interface StringStringEntryProto {
  key?: string;
  value?: string;
}

export interface TensorProto {
  dims?: Int64[];
  data_type?: number;
  name?: string;
  doc_string?: string;
  raw_data?: Uint8Array;
  float_data?: number[];
  int32_data?: number[];
  int64_data?: Int64[];
  uint64_data?: Int64[];
  double_data?: number[];
  string_data?: Uint8Array[];
  external_data?: StringStringEntryProto[];
  data_location?: number;
  metadata_props?: StringStringEntryProto[];
  segment?: object;
  /** Not ONNX's: the tensor whose bytes become raw_data (or external data) when the message is written. */
  payload?: Tensor;
}

export interface SparseTensorProto {
  values?: TensorProto;
  indices?: TensorProto;
  dims?: Int64[];
}

export interface AttributeProto {
  name?: string;
  ref_attr_name?: string;
  doc_string?: string;
  type?: number;
  f?: number;
  i?: Int64;
  s?: Uint8Array;
  t?: TensorProto;
  g?: GraphProto;
  sparse_tensor?: SparseTensorProto;
  floats?: number[];
  ints?: Int64[];
  strings?: Uint8Array[];
  tensors?: TensorProto[];
  graphs?: GraphProto[];
}

export interface DimensionProto {
  dim_value?: Int64;
  dim_param?: string;
}

export interface TensorTypeProto {
  elem_type?: number;
  shape?: { dim?: DimensionProto[] };
}

export interface TypeProto {
  tensor_type?: TensorTypeProto;
  sequence_type?: { elem_type?: TypeProto };
  map_type?: { key_type?: number; value_type?: TypeProto };
  optional_type?: { elem_type?: TypeProto };
  sparse_tensor_type?: TensorTypeProto;
  opaque_type?: object;
}

export interface ValueInfoProto {
  name?: string;
  type?: TypeProto;
}

export interface NodeProto {
  input?: string[];
  output?: string[];
  name?: string;
  op_type?: string;
  domain?: string;
  overload?: string;
  attribute?: AttributeProto[];
}

export interface GraphProto {
  node?: NodeProto[];
  name?: string;
  initializer?: TensorProto[];
  sparse_initializer?: SparseTensorProto[];
  input?: ValueInfoProto[];
  output?: ValueInfoProto[];
  value_info?: ValueInfoProto[];
}

export interface OperatorSetIdProto {
  domain?: string;
  version?: Int64;
}

export interface FunctionProto {
  name?: string;
  domain?: string;
  overload?: string;
  input?: string[];
  output?: string[];
  attribute?: string[];
  attribute_proto?: AttributeProto[];
  node?: NodeProto[];
  opset_import?: OperatorSetIdProto[];
  value_info?: ValueInfoProto[];
}

export interface ModelProto {
  ir_version?: Int64;
  opset_import?: OperatorSetIdProto[];
  producer_name?: string;
  producer_version?: string;
  graph?: GraphProto;
  functions?: FunctionProto[];
  metadata_props?: StringStringEntryProto[];
}

/** AttributeProto.AttributeType. */
export const attributeTypes = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  sparse_tensor: 11,
  sparse_tensors: 12,
  type_proto: 13,
  type_protos: 14,
} as const satisfies Record<AttributeTypeName, number>;

/** TensorProto.DataLocation.EXTERNAL. */
export const externalLocation = 1;

export function int64(value: bigint | number): Int64 {
  return typeof value === 'number' ? Long.fromNumber(value) : Long.fromBigInt(value);
}

export function toBigInt(value: Int64): bigint {
  return typeof value === 'number' ? BigInt(value) : BigInt(value.toString());
}

export function toNumber(value: Int64 | undefined): number {
  return value === undefined ? 0 : Number(value);
}

/** For each message type that can hold tensors: its fields (by number) that lead to them. */
export const weightCarriers: ReadonlyMap<protobuf.Type, ReadonlyMap<number, protobuf.Type>> = (() => {
  const all = new Map<protobuf.Type, Map<number, protobuf.Type>>();
  const visit = (type: protobuf.Type): boolean => {
    if (type.name === 'TensorProto' || all.has(type)) return true;
    const fields = new Map<number, protobuf.Type>();
    all.set(type, fields);
    for (const field of type.fieldsArray) {
      const nested = field.resolvedType;
      if (nested instanceof protobuf.Type && visit(nested)) fields.set(field.id, nested);
    }
    if (fields.size === 0) all.delete(type);
    return fields.size > 0;
  };
  visit(messageType('ModelProto'));
  return all;
})();

interface PartsField {
  readonly name: string;
  readonly id: number;
  readonly repeated: boolean;
  readonly type: protobuf.Type;
}

const partsFields: ReadonlyMap<protobuf.Type, readonly PartsField[]> = new Map(
  [...weightCarriers].map(([type, fields]) => [
    type,
    [...fields].map(([id, nested]) => ({
      id,
      name: type.fieldsById[id].name,
      repeated: type.fieldsById[id].repeated,
      type: nested,
    })),
  ]),
);

/** A message that can hold tensors within another one, with the number of its field and its type. */
export interface WeightCarryingPart {
  readonly id: number;
  readonly type: protobuf.Type;
  readonly part: object;
}

/** The messages in the fields of `message` that can hold tensors. */
export function weightCarryingParts(type: protobuf.Type, message: object): WeightCarryingPart[] {
  const parts: WeightCarryingPart[] = [];
  for (const { name, id, repeated, type: nested } of partsFields.get(type) ?? []) {
    const value = (message as Record<string, unknown>)[name];
    if (value == null) continue;
    if (!repeated) parts.push({ id, type: nested, part: value });
    else for (const part of value as object[]) parts.push({ id, type: nested, part });
  }
  return parts;
}
