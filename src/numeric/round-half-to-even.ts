// Rounding to the nearest integer with ties to the even neighbour: C's rint, NumPy's rint and the rounding of ONNX QuantizeLinear.

const TWO_52 = 2 ** 52;

/**
 * The integer nearest to `value`, ties to even; keeps -0, NaN and infinities.
 * Adding 2^52 to a smaller double leaves no fraction bits, so the hardware rounds, and the subtraction is exact.
 */
export function roundHalfToEven(value: number): number {
  const magnitude = Math.abs(value);
  if (!(magnitude < TWO_52)) return value;
  const rounded = magnitude + TWO_52 - TWO_52;
  return value < 0 || Object.is(value, -0) ? -rounded : rounded;
}
