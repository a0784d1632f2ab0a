// bfloat16 (ONNX BFLOAT16, the upper half of a float32, held as bit patterns in a Uint16Array), rounding to nearest even.

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** The bfloat16 with these 16 bits, as a number. Exact. */
export function bfloat16ToFloat32(bits: number): number {
  scratchBits[0] = bits << 16;
  return scratch[0];
}

/** The bits of the bfloat16 nearest to `value` (rounded to float32 first). */
export function float32ToBfloat16(value: number): number {
  scratch[0] = value;
  return narrow(scratchBits[0]);
}

/**
 * Converts bfloat16 bit patterns to float32, element by element.
 * @param output where to write, at least as long as `bits`; allocated when left out.
 * @throws RangeError when `output` is too short.
 */
export function bfloat16ToFloat32Array(
  bits: Uint16Array,
  output: Float32Array = new Float32Array(bits.length),
): Float32Array {
  if (output.length < bits.length) throw new RangeError(`output holds ${output.length} of ${bits.length} elements`);
  const target = new Uint32Array(output.buffer, output.byteOffset, output.length);
  for (let i = 0; i < bits.length; i++) target[i] = bits[i] << 16;
  return output;
}

/**
 * Converts float32 to bfloat16 bit patterns: ties to even, overflow to infinity, NaN stays NaN (quiet).
 * @param output where to write, at least as long as `values`; allocated when left out.
 * @throws RangeError when `output` is too short.
 */
export function float32ToBfloat16Array(
  values: Float32Array,
  output: Uint16Array = new Uint16Array(values.length),
): Uint16Array {
  if (output.length < values.length) throw new RangeError(`output holds ${output.length} of ${values.length} elements`);
  const source = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < source.length; i++) output[i] = narrow(source[i]);
  return output;
}

function narrow(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  // At most 0xff800000 + 0x8000, so the sum stays below 2^32.
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
