// The inner loops of QuantizeLinear. They multiply by the reciprocal of the scale, which gives the very float32 quotient.
//
// Why: let x and s be float32 (24 significant bits) and q = x / s. The float64 product x · (1 / s) is within 2^-52 of q,
// relatively. Rounding it to float32 could differ from rounding q only if q lay that near a midpoint m of two float32
// numbers (25 bits). But x - m · s is a multiple of the last places of m and s, so it is 0 or q is at least 2^-49 from m;
// and 0 would make x = m · s, a number of more than 24 bits. (Quotients below 2^-126 round to 0 either way.)
//
// Four elements per turn, because V8 checks the arrays again in every turn; values that saturate, and NaN, take the slow way. Stores into a signed array keep the low bits
// and so write unsigned values too; each loop sees one kind of array only.

/** 1.5 · 2^52: the low bits of a double's sum with it are an integer, rounded half to even. */
const ROUNDER = 6755399441055744;

/** Quantizes input[start, end) with one scale into output[start, end). */
export function quantizeRun(
  input: Float32Array,
  start: number,
  end: number,
  scale: number,
  zeroPoint: number,
  minimum: number,
  maximum: number,
  output: Int8Array,
): void {
  const reciprocal = 1 / scale;
  const low = minimum - zeroPoint;
  const high = maximum - zeroPoint;
  let i = start;
  for (const whole = end - 3; i < whole; i += 4) {
    const a = Math.fround(input[i] * reciprocal);
    const b = Math.fround(input[i + 1] * reciprocal);
    const c = Math.fround(input[i + 2] * reciprocal);
    const d = Math.fround(input[i + 3] * reciprocal);
    if (a >= low && a <= high && b >= low && b <= high && c >= low && c <= high && d >= low && d <= high) {
      output[i] = ((a + ROUNDER) | 0) + zeroPoint;
      output[i + 1] = ((b + ROUNDER) | 0) + zeroPoint;
      output[i + 2] = ((c + ROUNDER) | 0) + zeroPoint;
      output[i + 3] = ((d + ROUNDER) | 0) + zeroPoint;
    } else {
      for (let j = i; j < i + 4; j++) output[j] = quantizeOne(input[j], reciprocal, low, high) + zeroPoint;
    }
  }
  for (; i < end; i++) output[i] = quantizeOne(input[i], reciprocal, low, high) + zeroPoint;
}

/** Quantizes `length` elements from `offset`, each with its own scale and all with one zero point (symmetric schemes). */
export function quantizeRow(
  input: Float32Array,
  offset: number,
  length: number,
  reciprocals: Float64Array,
  zeroPoint: number,
  minimum: number,
  maximum: number,
  output: Int8Array,
): void {
  const low = minimum - zeroPoint;
  const high = maximum - zeroPoint;
  let i = 0;
  for (const whole = length - 3; i < whole; i += 4) {
    const o = offset + i;
    const a = Math.fround(input[o] * reciprocals[i]);
    const b = Math.fround(input[o + 1] * reciprocals[i + 1]);
    const c = Math.fround(input[o + 2] * reciprocals[i + 2]);
    const d = Math.fround(input[o + 3] * reciprocals[i + 3]);
    if (a >= low && a <= high && b >= low && b <= high && c >= low && c <= high && d >= low && d <= high) {
      output[o] = ((a + ROUNDER) | 0) + zeroPoint;
      output[o + 1] = ((b + ROUNDER) | 0) + zeroPoint;
      output[o + 2] = ((c + ROUNDER) | 0) + zeroPoint;
      output[o + 3] = ((d + ROUNDER) | 0) + zeroPoint;
    } else {
      for (let j = 0; j < 4; j++) {
        output[o + j] = quantizeOne(input[o + j], reciprocals[i + j], low, high) + zeroPoint;
      }
    }
  }
  for (; i < length; i++) output[offset + i] = quantizeOne(input[offset + i], reciprocals[i], low, high) + zeroPoint;
}

/** As `quantizeRow`, with zero points from zeroPoint[parameter]. */
export function quantizeRowAsymmetric(
  input: Float32Array,
  offset: number,
  length: number,
  reciprocals: Float64Array,
  zeroPoint: Int32Array,
  parameter: number,
  minimum: number,
  maximum: number,
  output: Int8Array,
): void {
  for (let i = 0; i < length; i++) {
    const zero = zeroPoint[parameter + i];
    output[offset + i] = quantizeOne(input[offset + i], reciprocals[i], minimum - zero, maximum - zero) + zero;
  }
}

/**
 * The integer nearest to value · reciprocal in float32, clamped. Clamping comes first: the bounds are integers, so that
 * it changes nothing but keeps the sum small. NaN becomes `low`.
 */
export function quantizeOne(value: number, reciprocal: number, low: number, high: number): number {
  const quotient = Math.fround(value * reciprocal);
  if (!(quotient > low)) return low;
  if (quotient > high) return high;
  return (quotient + ROUNDER) | 0;
}
