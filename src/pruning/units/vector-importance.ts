// How much a unit matters, judged by its weights alone: norms, geometric mean, distance from the others (FPGM: He et al., "Filter Pruning via
// Geometric Median", 2019).

export type VectorImportance = 'l1' | 'l2' | 'geometric-mean' | 'fpgm';

/** One score a vector; less is less important. All vectors have the same length. */
export function vectorScores(vectors: readonly Float32Array[], importance: VectorImportance): Float64Array {
  switch (importance) {
    case 'l1':
      return scoresOf(vectors, (vector) => vector.reduce((sum, value) => sum + Math.abs(value), 0));
    case 'l2':
      return scoresOf(vectors, (vector) => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0)));
    case 'geometric-mean':
      return scoresOf(vectors, geometricMean);
    case 'fpgm':
      return scoresOf(vectors, (vector) => vectors.reduce((sum, other) => sum + distance(vector, other), 0));
  }
}

function scoresOf(vectors: readonly Float32Array[], score: (vector: Float32Array) => number): Float64Array {
  return Float64Array.from(vectors, score);
}

/** (∏|w|)^(1/n), as exp of the mean logarithm: the product itself would vanish. Zeros count as the smallest normal float. */
function geometricMean(vector: Float32Array): number {
  const least = 1.1754943508222875e-38;
  return Math.exp(vector.reduce((sum, value) => sum + Math.log(Math.max(Math.abs(value), least)), 0) / vector.length);
}

function distance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] - b[index]) ** 2;
  return Math.sqrt(sum);
}
