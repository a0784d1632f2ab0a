// Magnitudes of weights, comparable between filters, and thresholds on them.

/** What magnitudes are divided by: the sum of magnitudes of the row, its Euclidean norm, or nothing. */
export type RowNorm = 'l1' | 'l2' | 'none';

/** |w| of W [outputs, features], divided by the norm of its row (zero rows stay zero). */
export function magnitudes(rows: Float32Array, features: number, norm: RowNorm): Float32Array {
  const scores = new Float32Array(rows.length);
  for (let start = 0; start < rows.length; start += features) {
    let sum = 0;
    for (let index = start; index < start + features; index++)
      sum += norm === 'l1' ? Math.abs(rows[index]) : rows[index] * rows[index];
    const factor = norm === 'none' || sum === 0 ? 1 : 1 / (norm === 'l1' ? sum : Math.sqrt(sum));
    for (let index = start; index < start + features; index++) scores[index] = Math.abs(rows[index]) * factor;
  }
  return scores;
}

/**
 * The share of each of `tensors` that is among the least `share` of all scores. Non-negative floats sort like their bits, so a count of the
 * upper and then the lower half of the bits finds the threshold without holding or sorting all scores; each tensor is asked for three times.
 */
export function globalShares(tensors: readonly (() => Float32Array)[], share: number): number[] {
  const upper = new Float64Array(1 << 16);
  let total = 0;
  for (const scores of tensors) {
    const bits = bitsOf(scores());
    total += bits.length;
    for (const pattern of bits) upper[pattern >>> 16]++;
  }
  let rank = Math.floor(share * total);
  let high = 0;
  while (high < upper.length - 1 && rank >= upper[high]) rank -= upper[high++];
  const lower = new Float64Array(1 << 16);
  for (const scores of tensors) {
    for (const pattern of bitsOf(scores())) if (pattern >>> 16 === high) lower[pattern & 0xffff]++;
  }
  let low = 0;
  while (low < lower.length - 1 && rank >= lower[low]) rank -= lower[low++];
  const threshold = high * 65536 + low;
  return tensors.map((scores) => {
    const bits = bitsOf(scores());
    return bits.reduce((count, pattern) => count + (pattern < threshold ? 1 : 0), 0) / bits.length;
  });
}

function bitsOf(scores: Float32Array): Uint32Array {
  return new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
}

/** 1 where a weight stays: all but the least `share` of `scores`, ties from the start on. */
export function maskOfShare(scores: Float32Array, share: number): Uint8Array {
  const gone = Math.min(Math.floor(share * scores.length + 1e-6), scores.length);
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[a] - scores[b] || a - b);
  const mask = new Uint8Array(scores.length).fill(1);
  for (let index = 0; index < gone; index++) mask[order[index]] = 0;
  return mask;
}

/** 1 where a weight stays: the `stay` greatest of every `of` neighbours along a row; a rest at the end of a row stays. */
export function maskOfPattern(scores: Float32Array, features: number, { stay, of }: Pattern): Uint8Array {
  const mask = new Uint8Array(scores.length).fill(1);
  for (let row = 0; row < scores.length; row += features) {
    for (let start = row; start + of <= row + features; start += of) {
      const order = Array.from({ length: of }, (_, at) => start + at).sort((a, b) => scores[a] - scores[b] || a - b);
      for (const index of order.slice(0, of - stay)) mask[index] = 0;
    }
  }
  return mask;
}

export interface Pattern {
  readonly stay: number;
  readonly of: number;
}
