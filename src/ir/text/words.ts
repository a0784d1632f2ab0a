// Words of ONNX's text syntax (onnx/defs/parser.h): names of element types, and when a name needs quotes.
import { type DataType, dataTypes } from '../../tensor/index.js';

/** ONNX writes `float` and `double`; every other type is called as in the IR. */
export function elementTypeName(dataType: DataType): string {
  if (dataType === 'float32') return 'float';
  return dataType === 'float64' ? 'double' : dataType;
}

const elementTypes = new Map(dataTypes.map((dataType) => [elementTypeName(dataType), dataType]));

export function elementTypeNamed(name: string): DataType | null {
  return elementTypes.get(name) ?? null;
}

/** The words that open a type which is no tensor. */
export const typeConstructors: ReadonlySet<string> = new Set(['seq', 'map', 'optional', 'sparse_tensor', 'opaque']);

/** Quotes where the name is no identifier, or could be read as a type. */
export function quoteName(name: string): string {
  const plain = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !elementTypes.has(name) && !typeConstructors.has(name);
  return plain ? name : quote(name);
}

export function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}
