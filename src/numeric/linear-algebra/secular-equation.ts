// Eigenvalues of diag(d) + ρ·z·zᵀ: the roots of 1 + ρ·Σ zⱼ²/(dⱼ − λ), one between each two of the dⱼ (Bunch, Nielsen & Sorensen 1978), as
// distances from the nearest dⱼ, so that differences keep all their digits; and the z that has exactly these roots (Gu & Eisenstat 1994).

const epsilon = Number.EPSILON;

/**
 * Root i, dᵢ < λ < dᵢ₊₁ (the last: above all). d ascends strictly, no zⱼ is zero, ρ > 0. Writes dⱼ − λ for all j into `differences`
 * and returns λ.
 */
export function secularRoot(
  i: number,
  d: Float64Array,
  z: Float64Array,
  rho: number,
  differences: Float64Array,
): number {
  const k = d.length;
  const last = i === k - 1;
  let width: number;
  if (last) {
    let squares = 0;
    for (const value of z) squares += value * value;
    width = rho * squares;
  } else {
    width = d[i + 1] - d[i];
  }
  // The root is measured from the end of the interval that it is nearer to.
  let origin = i;
  let low = 0;
  let high = width;
  if (!last && evaluate(d, z, rho, i, width / 2, i).value < 0) {
    origin = i + 1;
    low = -width;
    high = 0;
  }
  let mu = origin === i ? (last ? high / 2 : width / 4) : -width / 4;
  for (let iteration = 0; iteration < 200; iteration++) {
    const { value, slopeBelow, slopeAbove, magnitude } = evaluate(d, z, rho, origin, mu, i);
    if (Math.abs(value) <= epsilon * k * magnitude) break;
    if (value < 0) low = mu;
    else high = mu;
    if (high - low <= 2 * epsilon * Math.abs(mu)) break;
    const near = d[i] - d[origin] - mu;
    let step: number;
    if (last) {
      step = near + (near * near * slopeBelow) / (value - near * slopeBelow);
    } else {
      const far = d[i + 1] - d[origin] - mu;
      const c = value - near * slopeBelow - far * slopeAbove;
      const a = (near + far) * value - near * far * (slopeBelow + slopeAbove);
      const b = near * far * value;
      const root = Math.sqrt(Math.max(a * a - 4 * b * c, 0));
      step = a <= 0 ? (a - root) / (2 * c) : (2 * b) / (a + root);
    }
    let next = mu + step;
    // Each fourth step halves the interval, so that no interpolation can stall.
    if (!(next > low && next < high) || iteration % 4 === 3) next = low + (high - low) / 2;
    if (next === mu) break;
    mu = next;
  }
  for (let j = 0; j < k; j++) differences[j] = d[j] - d[origin] - mu;
  // On a pole nothing could be divided by; the smallest step off it is as good.
  if (differences[origin] === 0) differences[origin] = origin === i ? -Number.MIN_VALUE : Number.MIN_VALUE;
  return d[origin] + mu;
}

interface Evaluation {
  readonly value: number;
  readonly slopeBelow: number;
  readonly slopeAbove: number;
  /** Sum of the absolute terms: what rounding errors are measured by. */
  readonly magnitude: number;
}

function evaluate(d: Float64Array, z: Float64Array, rho: number, origin: number, mu: number, i: number): Evaluation {
  const at = d[origin];
  let below = 0;
  let slopeBelow = 0;
  for (let j = 0; j <= i; j++) {
    const ratio = z[j] / (d[j] - at - mu);
    below += z[j] * ratio;
    slopeBelow += ratio * ratio;
  }
  let above = 0;
  let slopeAbove = 0;
  for (let j = i + 1; j < d.length; j++) {
    const ratio = z[j] / (d[j] - at - mu);
    above += z[j] * ratio;
    slopeAbove += ratio * ratio;
  }
  return {
    value: 1 + rho * (below + above),
    slopeBelow: rho * slopeBelow,
    slopeAbove: rho * slopeAbove,
    magnitude: 1 + rho * (Math.abs(below) + Math.abs(above)),
  };
}

/** The z for which the computed roots are exact, signs as in `z`; row i of `differences` holds dⱼ − λᵢ. */
export function exactVector(d: Float64Array, z: Float64Array, differences: Float64Array): Float64Array {
  const k = d.length;
  const result = new Float64Array(k);
  for (let j = 0; j < k; j++) {
    let product = -differences[(k - 1) * k + j];
    for (let i = 0; i < j; i++) product *= differences[i * k + j] / (d[j] - d[i]);
    for (let i = j; i < k - 1; i++) product *= differences[i * k + j] / (d[j] - d[i + 1]);
    result[j] = Math.sign(z[j]) * Math.sqrt(Math.abs(product));
  }
  return result;
}
