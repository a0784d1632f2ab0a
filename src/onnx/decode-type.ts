// TypeProto ↔ ValueType.
import type { Dimension, ValueType } from '../ir/index.js';
import { dataTypeCode, dataTypeOf } from '../tensor/index.js';
import { type DimensionProto, int64, type TypeProto, toNumber } from './schema.js';

export function decodeType(message: TypeProto): ValueType {
  if (!message.tensor_type) {
    const name = (['sequence', 'map', 'optional', 'sparse_tensor', 'opaque'] as const).find(
      (kind) => message[`${kind}_type`],
    );
    return { kind: 'opaque', name: name ?? 'unknown' };
  }
  const dataType = dataTypeOf(message.tensor_type.elem_type ?? 0);
  if (!dataType) return { kind: 'opaque', name: 'unknown' };
  const shape = message.tensor_type.shape ? (message.tensor_type.shape.dim ?? []).map(decodeDimension) : null;
  return { kind: 'tensor', dataType, shape };
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
  if (type?.kind !== 'tensor') return null;
  const tensorType = { elem_type: dataTypeCode(type.dataType) };
  if (type.shape === null) return { tensor_type: tensorType };
  return { tensor_type: { ...tensorType, shape: { dim: type.shape.map(encodeDimension) } } };
}

function encodeDimension(dimension: Dimension): DimensionProto {
  if (dimension === null) return {};
  return typeof dimension === 'number' ? { dim_value: int64(dimension) } : { dim_param: dimension };
}
