// How far an approximation is from its reference, and percentiles, over float32 arrays with sums in float64.
// An element that is the same infinity on both sides (attention masks) counts as equal; NaN on either side makes the result NaN.

/**
 * Cosine of the angle between two vectors, in [-1, 1]. Two zero vectors (and two empty ones) give 1, one zero vector 0;
 * any NaN or infinity gives NaN, because the angle is not defined.
 * @throws RangeError when the lengths differ.
 */
export function cosineSimilarity(a: Float32Array, b: Float32Array): number {
  checkLengths(a, b);
  let dot = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i];
    const y = b[i];
    dot += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  if (squaresA === 0 && squaresB === 0) return 1;
  if (squaresA === 0 || squaresB === 0) return squaresA + squaresB < Infinity ? 0 : Number.NaN;
  const cosine = dot / (Math.sqrt(squaresA) * Math.sqrt(squaresB));
  return Math.min(Math.max(cosine, -1), 1);
}

/**
 * Signal to quantization noise in decibels, 10·log10(Σ reference² / Σ (reference - approximation)²).
 * Equal arrays give Infinity, a zero reference with noise -Infinity. Equal infinities are left out of both sums;
 * infinite noise gives -Infinity.
 * @throws RangeError when the lengths differ.
 */
export function signalToNoise(reference: Float32Array, approximation: Float32Array): number {
  checkLengths(reference, approximation);
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < reference.length; i++) {
    const x = reference[i];
    const y = approximation[i];
    if (x === y) {
      if (x !== Infinity && x !== -Infinity) signal += x * x;
      continue;
    }
    const difference = x - y;
    noise += difference * difference;
    if (x !== Infinity && x !== -Infinity) signal += x * x;
  }
  if (noise === 0) return Infinity;
  return 10 * Math.log10(signal / noise);
}

/** The largest |reference - approximation|; 0 for empty arrays. @throws RangeError when the lengths differ. */
export function maxAbsError(reference: Float32Array, approximation: Float32Array): number {
  checkLengths(reference, approximation);
  let largest = 0;
  for (let i = 0; i < reference.length; i++) {
    const x = reference[i];
    const y = approximation[i];
    if (x === y) continue;
    const error = Math.abs(x - y);
    // Also true for NaN, which no comparison would let through.
    if (!(error <= largest)) {
      if (Number.isNaN(error)) return Number.NaN;
      largest = error;
    }
  }
  return largest;
}

/** The mean of (reference - approximation)²; 0 for empty arrays. @throws RangeError when the lengths differ. */
export function meanSquaredError(reference: Float32Array, approximation: Float32Array): number {
  checkLengths(reference, approximation);
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const x = reference[i];
    const y = approximation[i];
    if (x === y) continue;
    const error = x - y;
    sum += error * error;
  }
  return reference.length === 0 ? 0 : sum / reference.length;
}

/**
 * The value below which `percent` (0 to 100) of the elements lie, linear between neighbours (NumPy's default method).
 * Any NaN gives NaN. Sorts a copy: O(n log n) time, O(n) memory.
 * @throws RangeError for an empty array or a percent outside [0, 100].
 */
export function percentile(values: Float32Array, percent: number): number {
  if (values.length === 0) throw new RangeError('percentile of no elements');
  if (!(percent >= 0 && percent <= 100)) throw new RangeError(`percent must lie in [0, 100], not ${percent}`);
  const sorted = values.slice().sort();
  // Typed arrays sort NaN last.
  if (Number.isNaN(sorted[sorted.length - 1])) return Number.NaN;
  const position = (percent / 100) * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below];
  const high = sorted[Math.min(below + 1, sorted.length - 1)];
  const fraction = position - below;
  // Infinite neighbours must not meet as Infinity - Infinity or 0 · Infinity.
  return fraction === 0 || low === high ? low : low + (high - low) * fraction;
}

function checkLengths(a: Float32Array, b: Float32Array): void {
  if (a.length !== b.length) throw new RangeError(`arrays of ${a.length} and ${b.length} elements`);
}
