// Types of values. Tensor types are understood; sequences, maps, optionals and sparse tensors are carried as they came.
import type { DataType } from '../tensor/index.js';

/** One axis: its length, its symbolic name, or null when nothing is known. */
export type Dimension = number | string | null;

export interface TensorType {
  readonly kind: 'tensor';
  readonly dataType: DataType;
  /** null when not even the rank is known. */
  readonly shape: readonly Dimension[] | null;
}

export interface OpaqueType {
  readonly kind: 'opaque';
  /** 'sequence', 'map', 'optional', 'sparse_tensor', 'opaque' or 'unknown'. */
  readonly name: string;
}

export type ValueType = TensorType | OpaqueType;

export function tensorType(dataType: DataType, shape: readonly Dimension[] | null): TensorType {
  return { kind: 'tensor', dataType, shape };
}

export function formatType(type: ValueType | null): string {
  if (type === null) return '?';
  if (type.kind === 'opaque') return type.name;
  return type.shape === null ? type.dataType : `${type.dataType}[${type.shape.map((dim) => dim ?? '?').join(',')}]`;
}
