// TypeProto ↔ ValueType.
import type { Dimension, ValueType } from '../ir/index.js';
import { type DataType, dataTypeCode, dataTypeOf } from '../tensor/index.js';
import { type DimensionProto, int64, type TensorTypeProto, type TypeProto, toNumber } from './messages.js';

const unknownType: ValueType = { kind: 'opaque', name: 'unknown' };

export function decodeType(message: TypeProto): ValueType {
  if (message.tensor_type) return decodeTensorType('tensor', message.tensor_type);
  if (message.sparse_tensor_type) return decodeTensorType('sparse_tensor', message.sparse_tensor_type);
  for (const kind of ['sequence', 'optional'] as const) {
    const nested = message[`${kind}_type`];
    if (nested) return { kind, element: decodeType(nested.elem_type ?? {}) };
  }
  if (message.map_type) {
    const key = dataTypeOf(message.map_type.key_type ?? 0);
    return key ? { kind: 'map', key, value: decodeType(message.map_type.value_type ?? {}) } : unknownType;
  }
  return message.opaque_type ? { kind: 'opaque', name: 'opaque' } : unknownType;
}

function decodeTensorType(kind: 'tensor' | 'sparse_tensor', message: TensorTypeProto): ValueType {
  const dataType = dataTypeOf(message.elem_type ?? 0);
  if (!dataType) return unknownType;
  return { kind, dataType, shape: message.shape ? (message.shape.dim ?? []).map(decodeDimension) : null };
}

function decodeDimension(message: DimensionProto): Dimension {
  if (message.dim_value !== undefined && Object.hasOwn(message, 'dim_value')) {
    const length = toNumber(message.dim_value);
    return length >= 0 ? length : null;
  }
  return message.dim_param || null;
}

/** null for opaque types: they are only known as the file wrote them. */
export function encodeType(type: ValueType | null): TypeProto | null {
  switch (type?.kind) {
    case 'tensor':
    case 'sparse_tensor':
      return { [`${type.kind}_type`]: encodeTensorType(type.dataType, type.shape) };
    case 'sequence':
    case 'optional': {
      const element = encodeType(type.element);
      return element && { [`${type.kind}_type`]: { elem_type: element } };
    }
    case 'map': {
      const value = encodeType(type.value);
      return value && { map_type: { key_type: dataTypeCode(type.key), value_type: value } };
    }
    default:
      return null;
  }
}

function encodeTensorType(dataType: DataType, shape: readonly Dimension[] | null): TensorTypeProto {
  const elementType = { elem_type: dataTypeCode(dataType) };
  return shape === null ? elementType : { ...elementType, shape: { dim: shape.map(encodeDimension) } };
}

function encodeDimension(dimension: Dimension): DimensionProto {
  if (dimension === null) return {};
  return typeof dimension === 'number' ? { dim_value: int64(dimension) } : { dim_param: dimension };
}
