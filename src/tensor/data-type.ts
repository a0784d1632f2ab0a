// The element types of ONNX tensors (TensorProto.DataType): their codes, widths and how JavaScript holds them.

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

interface DataTypeInfo {
  /** TensorProto.DataType. */
  readonly code: number;
  /** Bits of one element as ONNX stores it in raw_data; 0 for strings. */
  readonly bits: number;
  /** Holds raw_data; elements below 8 bits are packed, low bits first; float16 and bfloat16 are their bit patterns. */
  readonly array: {
    new (buffer: ArrayBuffer, byteOffset: number, length: number): TypedArray;
    BYTES_PER_ELEMENT: number;
  };
}

const infos = {
  float32: { code: 1, bits: 32, array: Float32Array },
  uint8: { code: 2, bits: 8, array: Uint8Array },
  int8: { code: 3, bits: 8, array: Int8Array },
  uint16: { code: 4, bits: 16, array: Uint16Array },
  int16: { code: 5, bits: 16, array: Int16Array },
  int32: { code: 6, bits: 32, array: Int32Array },
  int64: { code: 7, bits: 64, array: BigInt64Array },
  string: { code: 8, bits: 0, array: Uint8Array },
  bool: { code: 9, bits: 8, array: Uint8Array },
  float16: { code: 10, bits: 16, array: Uint16Array },
  float64: { code: 11, bits: 64, array: Float64Array },
  uint32: { code: 12, bits: 32, array: Uint32Array },
  uint64: { code: 13, bits: 64, array: BigUint64Array },
  complex64: { code: 14, bits: 64, array: Float32Array },
  complex128: { code: 15, bits: 128, array: Float64Array },
  bfloat16: { code: 16, bits: 16, array: Uint16Array },
  float8e4m3fn: { code: 17, bits: 8, array: Uint8Array },
  float8e4m3fnuz: { code: 18, bits: 8, array: Uint8Array },
  float8e5m2: { code: 19, bits: 8, array: Uint8Array },
  float8e5m2fnuz: { code: 20, bits: 8, array: Uint8Array },
  uint4: { code: 21, bits: 4, array: Uint8Array },
  int4: { code: 22, bits: 4, array: Uint8Array },
  float4e2m1: { code: 23, bits: 4, array: Uint8Array },
  float8e8m0: { code: 24, bits: 8, array: Uint8Array },
  uint2: { code: 25, bits: 2, array: Uint8Array },
  int2: { code: 26, bits: 2, array: Uint8Array },
  float6e2m3: { code: 27, bits: 6, array: Uint8Array },
  float6e3m2: { code: 28, bits: 6, array: Uint8Array },
} as const satisfies Record<string, DataTypeInfo>;

export type DataType = keyof typeof infos;

export const dataTypes = Object.keys(infos) as readonly DataType[];

const byCode = new Map<number, DataType>(dataTypes.map((name) => [infos[name].code, name]));

export function dataTypeOf(code: number): DataType | null {
  return byCode.get(code) ?? null;
}

export function dataTypeCode(dataType: DataType): number {
  return infos[dataType].code;
}

export function bitsPerElement(dataType: DataType): number {
  return infos[dataType].bits;
}

/** Bytes of `size` elements in raw_data; the last byte of a packed type may be partly used. */
export function byteLengthOf(dataType: DataType, size: number): number {
  return Math.ceil((size * infos[dataType].bits) / 8);
}

/** The bytes as the typed array of `dataType`: a view where alignment allows it, a copy otherwise. */
export function typedArrayOf(dataType: DataType, bytes: Uint8Array): TypedArray {
  const { array } = infos[dataType];
  const aligned = bytes.byteOffset % array.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return new array(
    aligned.buffer as ArrayBuffer,
    aligned.byteOffset,
    Math.floor(aligned.byteLength / array.BYTES_PER_ELEMENT),
  );
}

export function isFloat(dataType: DataType): boolean {
  return dataType.startsWith('float') || dataType === 'bfloat16';
}

/** Number of elements of a shape; the empty shape is a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
