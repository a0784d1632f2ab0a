// Types in ONNX's text syntax → ValueType.
import type { DataType } from '../../tensor/index.js';
import type { Dimension, ValueType } from '../value-type.js';
import type { TextReader } from './text-reader.js';
import { elementTypeNamed, typeConstructors } from './words.js';

/** Whether a type comes next. */
export function nextIsType(reader: TextReader): boolean {
  const word = reader.peekIdentifier();
  return elementTypeNamed(word) !== null || typeConstructors.has(word);
}

export function parseType(reader: TextReader): ValueType {
  const word = reader.identifier();
  const dataType = elementTypeNamed(word);
  if (dataType) return { kind: 'tensor', dataType, shape: parseShape(reader) };
  reader.expect('(');
  const type = parseConstructed(reader, word);
  reader.expect(')');
  return type;
}

function parseConstructed(reader: TextReader, word: string): ValueType {
  switch (word) {
    case 'seq':
      return { kind: 'sequence', element: parseType(reader) };
    case 'optional':
      return { kind: 'optional', element: parseType(reader) };
    case 'sparse_tensor':
      return { kind: 'sparse_tensor', dataType: parseElementType(reader), shape: parseShape(reader) };
    case 'map': {
      const key = parseElementType(reader);
      reader.expect(',');
      return { kind: 'map', key, value: parseType(reader) };
    }
    default:
      throw reader.failure(`${word} is no type that can be read`);
  }
}

function parseElementType(reader: TextReader): DataType {
  const dataType = elementTypeNamed(reader.identifier());
  if (!dataType) throw reader.failure('an element type is expected');
  return dataType;
}

/** No brackets: a scalar; empty brackets: rank unknown. */
function parseShape(reader: TextReader): readonly Dimension[] | null {
  if (!reader.matches('[')) return [];
  const shape: Dimension[] = [];
  reader.list(']', () => shape.push(parseDimension(reader)));
  return shape.length === 0 ? null : shape;
}

function parseDimension(reader: TextReader): Dimension {
  if (reader.matches('?')) return null;
  if (reader.peek() === '"' || reader.peekIdentifier() !== '') return reader.name();
  return Number(reader.integer());
}
