// The elements of a tensor as numbers, whatever their type, for comparing.
import {
  bfloat16ToFloat32Array,
  decodeMinifloatArray,
  float16ToFloat32Array,
  unpackSigned,
  unpackUnsigned,
} from '../numeric/index.js';
import type { Tensor } from '../tensor/index.js';

/** int64 and uint64 beyond 2^53 lose digits. null for strings, complex numbers and types nothing computes with. */
export function elementValues(tensor: Tensor): ArrayLike<number> | null {
  const { dataType, size } = tensor;
  switch (dataType) {
    case 'int64':
    case 'uint64':
      return Float64Array.from(tensor.read() as BigInt64Array, Number);
    case 'float16':
      return float16ToFloat32Array(tensor.read() as Uint16Array);
    case 'bfloat16':
      return bfloat16ToFloat32Array(tensor.read() as Uint16Array);
    case 'float8e4m3fn':
    case 'float8e4m3fnuz':
    case 'float8e5m2':
    case 'float8e5m2fnuz':
    case 'float8e8m0':
      return decodeMinifloatArray(dataType, tensor.bytes());
    case 'int4':
    case 'int2':
      return unpackSigned(tensor.bytes(), dataType === 'int4' ? 4 : 2, size);
    case 'uint4':
    case 'uint2':
      return unpackUnsigned(tensor.bytes(), dataType === 'uint4' ? 4 : 2, size);
    case 'float4e2m1':
      return decodeMinifloatArray(dataType, unpackUnsigned(tensor.bytes(), 4, size));
    case 'string':
    case 'complex64':
    case 'complex128':
    case 'float6e2m3':
    case 'float6e3m2':
      return null;
    default:
      return tensor.read() as Exclude<ReturnType<Tensor['read']>, BigInt64Array | BigUint64Array>;
  }
}
