// Elements of two or four bits as ONNX stores INT4, UINT4, INT2 and UINT2: the first element in the lowest bits of a byte.

/** Width of a packed element. */
export type PackedBits = 2 | 4;

/** Bytes that `count` elements of `bits` take; the last byte may be partly used. */
export function packedLength(count: number, bits: PackedBits): number {
  return Math.ceil(count / (8 / bits));
}

/**
 * Packs the low bits of each element, signed or not; unused bits of the last byte are zero.
 * @param output where to write, at least `packedLength` long; allocated when left out.
 * @throws RangeError when `output` is too short.
 */
export function packElements(
  values: Int8Array | Uint8Array,
  bits: PackedBits,
  output: Uint8Array = new Uint8Array(packedLength(values.length, bits)),
): Uint8Array {
  const bytes = packedLength(values.length, bits);
  if (output.length < bytes) throw new RangeError(`output holds ${output.length} of ${bytes} bytes`);
  // One element kind in the loops, whichever the caller holds.
  const source = new Uint8Array(values.buffer, values.byteOffset, values.length);
  const perByte = 8 / bits;
  const whole = Math.floor(source.length / perByte);
  if (bits === 4) {
    for (let i = 0, j = 0; i < whole; i++, j += 2) output[i] = (source[j] & 15) | (source[j + 1] << 4);
  } else {
    for (let i = 0, j = 0; i < whole; i++, j += 4) {
      output[i] = (source[j] & 3) | ((source[j + 1] & 3) << 2) | ((source[j + 2] & 3) << 4) | (source[j + 3] << 6);
    }
  }
  if (whole < bytes) {
    let last = 0;
    for (let j = whole * perByte, shift = 0; j < source.length; j++, shift += bits) {
      last |= (source[j] & ((1 << bits) - 1)) << shift;
    }
    output[whole] = last;
  }
  return output;
}

/** The first `count` elements of `packed`, sign-extended. @throws RangeError when `packed` holds fewer. */
export function unpackSigned(packed: Uint8Array, bits: PackedBits, count: number): Int8Array {
  checkCount(packed, bits, count);
  const values = new Int8Array(count);
  const perByte = 8 / bits;
  const mask = perByte - 1;
  const top = 32 - bits;
  for (let i = 0; i < count; i++) {
    values[i] = (packed[i >>> (bits === 4 ? 1 : 2)] << (top - (i & mask) * bits)) >> top;
  }
  return values;
}

/** The first `count` elements of `packed`, zero-extended. @throws RangeError when `packed` holds fewer. */
export function unpackUnsigned(packed: Uint8Array, bits: PackedBits, count: number): Uint8Array {
  checkCount(packed, bits, count);
  const values = new Uint8Array(count);
  const mask = 8 / bits - 1;
  const low = (1 << bits) - 1;
  for (let i = 0; i < count; i++) values[i] = (packed[i >>> (bits === 4 ? 1 : 2)] >>> ((i & mask) * bits)) & low;
  return values;
}

function checkCount(packed: Uint8Array, bits: PackedBits, count: number): void {
  if (!Number.isInteger(count) || count < 0 || packedLength(count, bits) > packed.length) {
    throw new RangeError(`${packed.length} bytes do not hold ${count} elements of ${bits} bits`);
  }
}
