// IEEE 754 binary16 (ONNX FLOAT16, held as its bit patterns in a Uint16Array) to and from float32, rounding to nearest even.

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** The float16 with these 16 bits, as a number. Exact; NaN payloads are not kept. */
export function float16ToFloat32(bits: number): number {
  scratchBits[0] = widen(bits);
  return scratch[0];
}

/** The bits of the float16 nearest to `value` (rounded to float32 first, as ONNX Cast from float32 sees it). */
export function float32ToFloat16(value: number): number {
  scratch[0] = value;
  return narrow(scratchBits[0]);
}

/**
 * Converts float16 bit patterns to float32, element by element; NaN payloads are kept.
 * @param output where to write, at least as long as `bits`; allocated when left out.
 * @throws RangeError when `output` is too short.
 */
export function float16ToFloat32Array(
  bits: Uint16Array,
  output: Float32Array = new Float32Array(bits.length),
): Float32Array {
  if (output.length < bits.length) throw new RangeError(`output holds ${output.length} of ${bits.length} elements`);
  const target = new Uint32Array(output.buffer, output.byteOffset, output.length);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i];
    const exponent = half & 0x7c00;
    // The ordinary case in line: move sign, exponent and mantissa, and rebias the exponent from 15 to 127.
    if (exponent !== 0 && exponent !== 0x7c00) {
      target[i] = ((half & 0x8000) << 16) | (((half & 0x7fff) << 13) + 0x38000000);
    } else {
      target[i] = widen(half);
    }
  }
  return output;
}

/**
 * Converts float32 to float16 bit patterns: ties to even, magnitudes from 65520 become infinity, NaN stays NaN (quiet).
 * @param output where to write, at least as long as `values`; allocated when left out.
 * @throws RangeError when `output` is too short.
 */
export function float32ToFloat16Array(
  values: Float32Array,
  output: Uint16Array = new Uint16Array(values.length),
): Uint16Array {
  if (output.length < values.length) throw new RangeError(`output holds ${output.length} of ${values.length} elements`);
  const source = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < source.length; i++) output[i] = narrow(source[i]);
  return output;
}

/** Bits of a float16 to bits of the equal float32 (as a signed 32-bit integer). */
function widen(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = half & 0x7c00;
  let mantissa = half & 0x3ff;
  if (exponent === 0x7c00) return sign | 0x7f800000 | (mantissa << 13);
  if (exponent !== 0) return sign | (((half & 0x7fff) << 13) + 0x38000000);
  if (mantissa === 0) return sign;
  // Subnormal, mantissa · 2^-24: shift the leading one up to bit 10 and take the exponent down with it.
  const shift = Math.clz32(mantissa) - 21;
  mantissa = (mantissa << shift) & 0x3ff;
  return sign | ((113 - shift) << 23) | (mantissa << 13);
}

/** Bits of a float32 to bits of the nearest float16. */
function narrow(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // Normal result. Adding just under half a unit, plus the last kept bit, rounds ties to even; a carry runs into the
  // exponent, up to infinity, as it should.
  if (magnitude >= 0x38800000 && magnitude < 0x47800000) {
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  if (magnitude >= 0x47800000) {
    return magnitude > 0x7f800000 ? sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff) : sign | 0x7c00;
  }
  // Below 2^-25 everything rounds to zero; from there to 2^-14 the result is a multiple of 2^-24.
  if (magnitude < 0x33000000) return sign;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const shift = 126 - (magnitude >>> 23);
  return sign | ((mantissa + (1 << (shift - 1)) - 1 + ((mantissa >>> shift) & 1)) >>> shift);
}
