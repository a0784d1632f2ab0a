// Types in ONNX's text syntax: `float[N,3] x`, `float x` (a scalar), `float[] x` (rank unknown), `seq(float[N])`, …
import type { Dimension, ValueType } from '../value-type.js';
import { elementTypeName, quoteName } from './words.js';

/** '' for a type that the IR only carries along. */
export function formatType(type: ValueType | null): string {
  switch (type?.kind) {
    case 'tensor':
      return `${elementTypeName(type.dataType)}${formatShape(type.shape)}`;
    case 'sparse_tensor':
      return `sparse_tensor(${elementTypeName(type.dataType)}${formatShape(type.shape)})`;
    case 'sequence':
      return `seq(${formatType(type.element)})`;
    case 'optional':
      return `optional(${formatType(type.element)})`;
    case 'map':
      return `map(${elementTypeName(type.key)}, ${formatType(type.value)})`;
    default:
      return '';
  }
}

export function formatShape(shape: readonly Dimension[] | null): string {
  if (shape === null) return '[]';
  if (shape.length === 0) return '';
  return `[${shape.map(formatDimension).join(',')}]`;
}

function formatDimension(dimension: Dimension): string {
  if (dimension === null) return '?';
  return typeof dimension === 'number' ? String(dimension) : quoteName(dimension);
}
