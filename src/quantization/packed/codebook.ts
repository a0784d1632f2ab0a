// Vector quantization: four neighbours of a weight, in units of the steps m · c of their blocks, become one of 256 vectors of small integers, found by
// Lloyd's algorithm (k-means). A byte for four weights: 2 bits, with less noise than four levels for each.
import { createRandom, type Random } from '../../numeric/index.js';

/** Elements of a vector, and vectors of a codebook. */
export const vectorLength = 4;
const entries = 256;
/** Vectors that a codebook is fitted to, at most. */
const mostFitted = 1 << 15;
const iterations = 12;
/** The integers are those of INT4, so that products with multipliers stay within ±64. */
const lowest = -8;
const highest = 7;

/** Vectors [count, 4], and what an error of each element counts. */
export interface WeightedVectors {
  readonly values: Float32Array;
  readonly weights: Float32Array;
}

/** Takes at most `mostFitted` of `count` vectors, the same ones each time. */
export function chooseVectors(count: number): Uint32Array {
  if (count <= mostFitted) return Uint32Array.from({ length: count }, (_, i) => i);
  const random = createRandom(count);
  return Uint32Array.from({ length: mostFitted }, (_, i) => Math.floor(((i + random.next()) * count) / mostFitted));
}

/** int8 [256, 4]: the vectors by which all of `vectors` are best represented. */
export function fitCodebook(vectors: WeightedVectors): Int8Array {
  const count = vectors.values.length / vectorLength;
  const random = createRandom(count);
  const book = firstEntries(vectors, count, random);
  const codes = new Uint8Array(count);
  const sums = new Float64Array(book.length);
  const weights = new Float64Array(book.length);
  for (let iteration = 0; iteration < iterations; iteration++) {
    nearestEntries(vectors, book, codes);
    sums.fill(0);
    weights.fill(0);
    for (let vector = 0; vector < count; vector++) {
      for (let i = 0; i < vectorLength; i++) {
        const [from, to] = [vector * vectorLength + i, codes[vector] * vectorLength + i];
        sums[to] += vectors.weights[from] * vectors.values[from];
        weights[to] += vectors.weights[from];
      }
    }
    for (let entry = 0; entry < entries; entry++) {
      const at = entry * vectorLength;
      // One that nothing is near to begins anew at a vector.
      if (weights[at] === 0) book.set(vectorAt(vectors, random.int(count)), at);
      else for (let i = at; i < at + vectorLength; i++) book[i] = weights[i] > 0 ? sums[i] / weights[i] : 0;
    }
  }
  return Int8Array.from(book, (x) => Math.max(lowest, Math.min(highest, Math.round(x))));
}

function firstEntries(vectors: WeightedVectors, count: number, random: Random): Float32Array {
  const book = new Float32Array(entries * vectorLength);
  for (let entry = 0; entry < entries; entry++) {
    const chosen = Math.floor(((entry + random.next()) * count) / entries);
    book.set(vectorAt(vectors, Math.min(chosen, count - 1)), entry * vectorLength);
  }
  return book;
}

function vectorAt({ values }: WeightedVectors, vector: number): Float32Array {
  return values.subarray(vector * vectorLength, (vector + 1) * vectorLength);
}

/** Writes for each vector the index of the entry that costs least. */
export function nearestEntries({ values, weights }: WeightedVectors, book: ArrayLike<number>, codes: Uint8Array): void {
  for (let vector = 0, at = 0; vector < codes.length; vector++, at += vectorLength) {
    const [x0, x1, x2, x3] = [values[at], values[at + 1], values[at + 2], values[at + 3]];
    const [w0, w1, w2, w3] = [weights[at], weights[at + 1], weights[at + 2], weights[at + 3]];
    let least = Number.POSITIVE_INFINITY;
    let best = 0;
    for (let entry = 0, from = 0; entry < entries; entry++, from += vectorLength) {
      const [d0, d1, d2, d3] = [x0 - book[from], x1 - book[from + 1], x2 - book[from + 2], x3 - book[from + 3]];
      const cost = w0 * d0 * d0 + w1 * d1 * d1 + w2 * d2 * d2 + w3 * d3 * d3;
      if (cost < least) {
        least = cost;
        best = entry;
      }
    }
    codes[vector] = best;
  }
}
