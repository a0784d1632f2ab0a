// Tensor literals in ONNX's text syntax → Tensor.
import { packElements } from '../../numeric/index.js';
import {
  bitsPerElement,
  byteLengthOf,
  type DataType,
  MemoryTensor,
  StringTensor,
  sizeOf,
  type Tensor,
  type TypedArray,
  typedArrayOf,
} from '../../tensor/index.js';
import type { ValueType } from '../value-type.js';
import { floatOf, type TextReader } from './text-reader.js';

/** Supplies the tensor that a text writes as `{...}`. */
export type ElidedTensors = (name: string, dataType: DataType, shape: readonly number[]) => Tensor;

/** Reads `{…}` for a tensor of the type that stands before it. */
export function parseTensor(reader: TextReader, name: string, type: ValueType, elided?: ElidedTensors): Tensor {
  if (type.kind !== 'tensor') throw reader.failure('only a tensor can have elements');
  const { dataType } = type;
  const shape = (type.shape ?? [null]).map((dim) => {
    if (typeof dim !== 'number') throw reader.failure('the shape of a tensor with elements must be numbers');
    return dim;
  });
  if (reader.peek() === '[') throw reader.failure('external data cannot be read from a text');
  reader.expect('{');
  if (reader.matches('...')) {
    reader.expect('}');
    if (!elided) throw reader.failure(`the elements of ${name} are left out`);
    return elided(name, dataType, shape);
  }
  return dataType === 'string' ? parseStrings(reader, shape) : parseNumbers(reader, dataType, shape);
}

function parseStrings(reader: TextReader, shape: readonly number[]): Tensor {
  const values: Uint8Array[] = [];
  reader.list('}', () => values.push(new TextEncoder().encode(reader.string())));
  return new StringTensor(shape, values);
}

function parseNumbers(reader: TextReader, dataType: DataType, shape: readonly number[]): Tensor {
  const bits = bitsPerElement(dataType);
  const packed = bits === 2 || bits === 4;
  if (bits === 6) throw reader.failure(`${dataType} elements cannot be read from a text`);
  const size = sizeOf(shape) * (dataType.startsWith('complex') ? 2 : 1);
  const bytes = new Uint8Array(byteLengthOf(dataType, sizeOf(shape)));
  const elements = packed ? new Int8Array(size) : typedArrayOf(dataType, bytes);
  let count = 0;
  reader.list('}', () => {
    if (count === size) throw reader.failure(`more than ${size} elements`);
    readElement(reader, elements, count++);
  });
  if (count < size) throw reader.failure(`${count} elements where ${size} are declared`);
  return new MemoryTensor(
    dataType,
    shape,
    elements instanceof Int8Array && packed ? packElements(elements, bits) : elements,
  );
}

/** Integer types take integers only; of those that do not fit, the low bits count. */
function readElement(reader: TextReader, elements: TypedArray, index: number): void {
  if (elements instanceof Float32Array || elements instanceof Float64Array) elements[index] = floatOf(reader.number());
  else if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) elements[index] = reader.integer();
  else elements[index] = Number(reader.integer());
}
