// The binding takes and gives 13 element types. Tensors of the other ones travel as a type that holds their values exactly:
// bfloat16 and the 8-bit floats as float32, integers of 4 and 2 bits as 8-bit ones.
import {
  bfloat16ToFloat32Array,
  decodeMinifloatArray,
  encodeMinifloatArray,
  float32ToBfloat16Array,
  type MinifloatFormat,
  type PackedBits,
  packElements,
  unpackSigned,
  unpackUnsigned,
} from '../../numeric/index.js';
import { type DataType, MemoryTensor, type Tensor } from '../../tensor/index.js';

export interface Carrier {
  readonly dataType: 'float32' | 'int8' | 'uint8';
  load(tensor: Tensor): Tensor;
  unload(carried: Tensor): Tensor;
}

function minifloat(dataType: MinifloatFormat): Carrier {
  return {
    dataType: 'float32',
    load: (tensor) => new MemoryTensor('float32', tensor.shape, decodeMinifloatArray(dataType, tensor.bytes())),
    unload: (carried) =>
      new MemoryTensor(dataType, carried.shape, encodeMinifloatArray(dataType, carried.read() as Float32Array)),
  };
}

function packed(dataType: DataType, bits: PackedBits, carried: 'int8' | 'uint8'): Carrier {
  const unpack = carried === 'int8' ? unpackSigned : unpackUnsigned;
  return {
    dataType: carried,
    load: (tensor) => new MemoryTensor(carried, tensor.shape, unpack(tensor.bytes(), bits, tensor.size)),
    unload: (tensor) =>
      new MemoryTensor(dataType, tensor.shape, packElements(tensor.read() as Int8Array | Uint8Array, bits)),
  };
}

const carriers: Partial<Record<DataType, Carrier>> = {
  bfloat16: {
    dataType: 'float32',
    load: (tensor) => new MemoryTensor('float32', tensor.shape, bfloat16ToFloat32Array(tensor.read() as Uint16Array)),
    unload: (carried) =>
      new MemoryTensor('bfloat16', carried.shape, float32ToBfloat16Array(carried.read() as Float32Array)),
  },
  float8e4m3fn: minifloat('float8e4m3fn'),
  float8e4m3fnuz: minifloat('float8e4m3fnuz'),
  float8e5m2: minifloat('float8e5m2'),
  float8e5m2fnuz: minifloat('float8e5m2fnuz'),
  float8e8m0: minifloat('float8e8m0'),
  int4: packed('int4', 4, 'int8'),
  uint4: packed('uint4', 4, 'uint8'),
  int2: packed('int2', 2, 'int8'),
  uint2: packed('uint2', 2, 'uint8'),
};

/** How tensors of `dataType` travel; null when they travel as they are, or not at all. */
export function carrierOf(dataType: DataType): Carrier | null {
  return carriers[dataType] ?? null;
}

const native: ReadonlySet<DataType> = new Set([
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
]);

/** Whether the binding takes and gives tensors of `dataType` itself. */
export function isNative(dataType: DataType): boolean {
  return native.has(dataType);
}
