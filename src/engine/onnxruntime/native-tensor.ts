// Tensors of dsopt ↔ tensors of onnxruntime-node. The binding cuts strings at a NUL.

import type { DataType } from '../../tensor/index.js';
import { MemoryTensor, StringTensor, type Tensor, type TypedArray } from '../../tensor/index.js';
import type { OnnxRuntime } from './runtime.js';

export type NativeTensor = import('onnxruntime-node').Tensor;

/** `tensor` is of a type that the binding takes. */
export function toNative(runtime: OnnxRuntime, tensor: Tensor): NativeTensor {
  if (tensor instanceof StringTensor) {
    const decoder = new TextDecoder();
    return new runtime.Tensor(
      'string',
      tensor.values.map((bytes) => decoder.decode(bytes)),
      tensor.shape,
    );
  }
  return new runtime.Tensor(tensor.dataType as NativeTensor['type'], nativeData(tensor), tensor.shape);
}

/** JavaScript engines with a Float16Array of their own make the binding ask for it. */
function nativeData(tensor: Tensor): TypedArray {
  const data = tensor.read();
  const { Float16Array } = globalThis as {
    Float16Array?: new (buffer: ArrayBufferLike, offset: number, length: number) => TypedArray;
  };
  if (tensor.dataType !== 'float16' || !Float16Array) return data;
  return new Float16Array(data.buffer, data.byteOffset, data.length);
}

export function fromNative(tensor: NativeTensor): Tensor {
  if (tensor.type === 'string') {
    const encoder = new TextEncoder();
    return new StringTensor(
      tensor.dims,
      (tensor.data as string[]).map((text) => encoder.encode(text)),
    );
  }
  return new MemoryTensor(tensor.type as DataType, tensor.dims, tensor.data as TypedArray);
}
