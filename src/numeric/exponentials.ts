// exp(x) fast enough for whole vocabularies of scores: 2^(n/2048) from a table times a parabola, relative error below 1e-11.

const steps = 2048;
const perStep = Math.LN2 / steps;
/** 2^(i/2048) for the fractional part. */
const fractions = Float64Array.from({ length: steps }, (_, i) => 2 ** (i / steps));
/** 2^-k; what lies below is 0 next to a sum of 1. */
const halves = Float64Array.from({ length: 1024 }, (_, k) => 2 ** -k);

/** exp(x) for x ≤ 0 (0 below -709), NaN for NaN; not for what is above 0. */
export function expOfNegative(x: number): number {
  if (x < -709) return 0;
  const n = Math.ceil(x / perStep);
  const rest = x - n * perStep;
  const position = -n;
  const whole = (position + steps - 1) >> 11;
  return fractions[(whole << 11) - position] * halves[whole] * (1 + rest + 0.5 * rest * rest);
}

/** Σ exp(values[i] - shift) over [from, to), where `shift` is the largest of them; NaN where one is NaN or the shift infinite. */
export function sumOfExponentials(values: Float32Array, from: number, to: number, shift: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += expOfNegative(values[i] - shift);
  return sum;
}
