// Types of values (TypeProto): tensors, and sequences, maps and optionals of them; anything else is carried as it came.
import type { DataType } from '../tensor/index.js';

/** One axis: its length, its symbolic name, or null when nothing is known. */
export type Dimension = number | string | null;

export interface TensorType {
  readonly kind: 'tensor';
  readonly dataType: DataType;
  /** null when not even the rank is known. */
  readonly shape: readonly Dimension[] | null;
}

/** TypeProto.SparseTensor: what it describes, not how it is stored. */
export interface SparseTensorType {
  readonly kind: 'sparse_tensor';
  readonly dataType: DataType;
  readonly shape: readonly Dimension[] | null;
}

export interface SequenceType {
  readonly kind: 'sequence' | 'optional';
  readonly element: ValueType;
}

export interface MapType {
  readonly kind: 'map';
  readonly key: DataType;
  readonly value: ValueType;
}

/** Whatever else a file declares; it goes back untouched. */
export interface OpaqueType {
  readonly kind: 'opaque';
  readonly name: string;
}

export type ValueType = TensorType | SparseTensorType | SequenceType | MapType | OpaqueType;

export function tensorType(dataType: DataType, shape: readonly Dimension[] | null): TensorType {
  return { kind: 'tensor', dataType, shape };
}

export function formatType(type: ValueType | null): string {
  if (type === null) return '?';
  switch (type.kind) {
    case 'tensor':
      return type.shape === null ? type.dataType : `${type.dataType}[${type.shape.map((dim) => dim ?? '?').join(',')}]`;
    case 'sparse_tensor':
      return `sparse_tensor(${formatType({ ...type, kind: 'tensor' })})`;
    case 'sequence':
    case 'optional':
      return `${type.kind}(${formatType(type.element)})`;
    case 'map':
      return `map(${type.key}, ${formatType(type.value)})`;
    case 'opaque':
      return type.name;
  }
}
