// ONNX Cast between number types, where one conversion in JavaScript gives the bits that onnxruntime's gives.
import {
  bfloat16ToFloat32Array,
  float16ToFloat32Array,
  float32ToBfloat16Array,
  float32ToFloat16Array,
} from '../../numeric/index.js';
import { chunkLength } from '../chunk-length.js';
import { bitsPerElement, byteLengthOf, type DataType, type TypedArray, typedArrayOf } from '../data-type.js';
import { ComputedTensor, type Tensor, type TensorKernel } from '../tensor.js';

const narrowFloats: ReadonlySet<DataType> = new Set(['float16', 'bfloat16']);
const floats: ReadonlySet<DataType> = new Set(['float32', 'float64', ...narrowFloats]);
const integers: ReadonlySet<DataType> = new Set(['uint8', 'int8', 'uint16', 'int16', 'int32', 'uint32']);
const wideIntegers: ReadonlySet<DataType> = new Set(['int64', 'uint64']);

/**
 * Whether `castTensor` knows the conversion. Left out: float to integer (what happens out of range is up to the machine) and 64-bit
 * integers to floats (which would be rounded twice).
 */
export function canCast(from: DataType, to: DataType): boolean {
  if (from === to) return from !== 'string';
  const numbers = (type: DataType): boolean => floats.has(type) || integers.has(type) || type === 'bool';
  if (wideIntegers.has(from)) return integers.has(to) || wideIntegers.has(to) || to === 'bool';
  if (wideIntegers.has(to)) return integers.has(from) || from === 'bool';
  return numbers(from) && numbers(to) && (!floats.has(from) || !integers.has(to));
}

export const castKernel: TensorKernel<null> = {
  module: import.meta.url,
  exportName: 'castKernel',
  *chunks([input], _parameters, output) {
    const inputWidth = bitsPerElement(input.dataType) / 8;
    const outputWidth = bitsPerElement(output.dataType) / 8;
    // What is made of a piece must not be longer than a piece may be.
    const most = (chunkLength / Math.max(inputWidth, outputWidth)) * inputWidth;
    for (const chunk of input.chunks()) {
      for (let start = 0; start < chunk.length; start += most) {
        yield castBytes(chunk.subarray(start, Math.min(start + most, chunk.length)), input.dataType, output.dataType);
      }
    }
  },
};

/** `tensor` as `to`; see `canCast`. */
export function castTensor(tensor: Tensor, to: DataType): Tensor {
  return tensor.dataType === to ? tensor : new ComputedTensor(to, tensor.shape, castKernel, [tensor], null);
}

function castBytes(bytes: Uint8Array, from: DataType, to: DataType): Uint8Array {
  const source = typedArrayOf(from, bytes);
  const result = new Uint8Array(byteLengthOf(to, source.length));
  convert(source, from, typedArrayOf(to, result), to);
  return result;
}

function convert(source: TypedArray, from: DataType, target: TypedArray, to: DataType): void {
  if (narrowFloats.has(from)) convert(widened(source as Uint16Array, from), 'float32', target, to);
  else if (to === 'bool') for (let i = 0; i < source.length; i++) target[i] = Number(source[i]) === 0 ? 0 : 1;
  else if (narrowFloats.has(to)) {
    const single = source instanceof Float32Array ? source : Float32Array.from(source as Float64Array);
    (to === 'float16' ? float32ToFloat16Array : float32ToBfloat16Array)(single, target as Uint16Array);
  } else if (target instanceof BigInt64Array || target instanceof BigUint64Array) {
    for (let i = 0; i < source.length; i++) target[i] = BigInt(source[i]);
  } else if (source instanceof BigInt64Array || source instanceof BigUint64Array) {
    for (let i = 0; i < source.length; i++) target[i] = Number(BigInt.asIntN(32, source[i]));
  } else target.set(source as Float64Array);
}

function widened(bits: Uint16Array, from: DataType): Float32Array {
  return from === 'float16' ? float16ToFloat32Array(bits) : bfloat16ToFloat32Array(bits);
}
