// Numbers and texts as tensors of any element type: rounded and clamped to what the type can hold.
import { unsupportedModel } from '../errors.js';
import {
  encodeMinifloatArray,
  float32ToBfloat16Array,
  float32ToFloat16Array,
  type PackedBits,
  packElements,
} from '../numeric/index.js';
import { type DataType, MemoryTensor, StringTensor, type Tensor, type TypedArray } from '../tensor/index.js';

/** Throws MODEL_UNSUPPORTED for the types nothing computes with (6-bit floats, complex numbers), and for strings. */
export function encodeNumbers(dataType: DataType, shape: readonly number[], numbers: Float64Array): Tensor {
  return new MemoryTensor(dataType, shape, encode(dataType, numbers));
}

export function encodeTexts(shape: readonly number[], texts: readonly string[]): Tensor {
  const encoder = new TextEncoder();
  return new StringTensor(
    shape,
    texts.map((text) => encoder.encode(text)),
  );
}

function encode(dataType: DataType, numbers: Float64Array): TypedArray {
  switch (dataType) {
    case 'float32':
      return new Float32Array(numbers);
    case 'float64':
      return numbers;
    case 'float16':
      return float32ToFloat16Array(new Float32Array(numbers));
    case 'bfloat16':
      return float32ToBfloat16Array(new Float32Array(numbers));
    case 'float8e4m3fn':
    case 'float8e4m3fnuz':
    case 'float8e5m2':
    case 'float8e5m2fnuz':
    case 'float8e8m0':
      return encodeMinifloatArray(dataType, new Float32Array(numbers));
    case 'bool':
      return Uint8Array.from(numbers, (number) => (number !== 0 ? 1 : 0));
    case 'uint8':
      return new Uint8Array(integers(numbers, 0, 255));
    case 'int8':
      return new Int8Array(integers(numbers, -128, 127));
    case 'uint16':
      return new Uint16Array(integers(numbers, 0, 65535));
    case 'int16':
      return new Int16Array(integers(numbers, -32768, 32767));
    case 'uint32':
      return new Uint32Array(integers(numbers, 0, 2 ** 32 - 1));
    case 'int32':
      return new Int32Array(integers(numbers, -(2 ** 31), 2 ** 31 - 1));
    case 'int64':
      return BigInt64Array.from(integers(numbers, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), BigInt);
    case 'uint64':
      return BigUint64Array.from(integers(numbers, 0, Number.MAX_SAFE_INTEGER), BigInt);
    case 'int4':
      return packed(numbers, 4, -8, 7);
    case 'uint4':
      return packed(numbers, 4, 0, 15);
    case 'int2':
      return packed(numbers, 2, -2, 1);
    case 'uint2':
      return packed(numbers, 2, 0, 3);
    default:
      throw unsupportedModel(`There are no synthetic inputs of type ${dataType}`);
  }
}

function integers(numbers: Float64Array, low: number, high: number): Float64Array {
  return numbers.map((number) => Math.min(Math.max(Math.round(number), low), high));
}

function packed(numbers: Float64Array, bits: PackedBits, low: number, high: number): Uint8Array {
  return packElements(new Int8Array(integers(numbers, low, high)), bits);
}
