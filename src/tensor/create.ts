// Short ways to make small constant tensors.
import type { DataType } from './data-type.js';
import { MemoryTensor, type Tensor } from './tensor.js';

export function float32Tensor(shape: readonly number[], values: Float32Array | readonly number[]): Tensor {
  return new MemoryTensor('float32', shape, Float32Array.from(values));
}

export function int64Tensor(shape: readonly number[], values: readonly (number | bigint)[]): Tensor {
  return new MemoryTensor('int64', shape, BigInt64Array.from(values, BigInt));
}

/** A 0-d tensor of a type held as plain numbers. */
export function scalarTensor(dataType: 'float32' | 'int8' | 'uint8' | 'int32' | 'int64', value: number): Tensor {
  const arrays = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array, int32: Int32Array } as const;
  if (dataType === 'int64') return int64Tensor([], [value]);
  return new MemoryTensor(dataType satisfies DataType, [], arrays[dataType].of(value));
}
