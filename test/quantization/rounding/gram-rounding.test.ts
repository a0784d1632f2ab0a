import { describe, expect, it } from 'vitest';
import { createRandom, type Matrix, matrixFrom } from '../../../src/numeric/index.js';
import { type RowWeights, roundByGram, roundingErrors, roundToNearest } from '../../../src/quantization/index.js';

const bounds = { minimum: -127, maximum: 127 };

function randomWeights(rows: number, columns: number, seed: number): RowWeights {
  const random = createRandom(seed);
  const values = Float32Array.from({ length: rows * columns }, () => random.normal());
  return { values, rows, columns, scale: new Float32Array(rows).fill(0.5), bounds };
}

/** Second moments of inputs that go together. */
function correlatedGram(columns: number, seed: number): Matrix {
  const random = createRandom(seed);
  const gram = new Float64Array(columns * columns);
  for (let sample = 0; sample < 4 * columns; sample++) {
    const base = random.normal();
    const x = Array.from({ length: columns }, () => base + 0.3 * random.normal());
    for (let i = 0; i < columns; i++) for (let j = 0; j < columns; j++) gram[i * columns + j] += x[i] * x[j];
  }
  return matrixFrom(columns, columns, gram);
}

/** Σ over rows of δ·G·δᵀ. */
function outputError(weights: RowWeights, integers: Int8Array, { data }: Matrix): number {
  const errors = roundingErrors(weights, integers);
  const { rows, columns } = weights;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) {
      for (let j = 0; j < columns; j++)
        sum += errors[row * columns + i] * data[i * columns + j] * errors[row * columns + j];
    }
  }
  return sum;
}

describe('roundByGram', () => {
  it('rounds to the nearest where inputs have nothing in common', () => {
    const weights = randomWeights(3, 8, 1);
    const diagonal = matrixFrom(
      8,
      8,
      Float64Array.from({ length: 64 }, (_, i) => (i % 9 === 0 ? i + 1 : 0)),
    );
    expect(roundByGram(weights, diagonal)).toEqual(roundToNearest(weights));
  });

  it('lets errors cancel out: two inputs that are always equal see the sum of their weights', () => {
    const weights = { values: Float32Array.of(0.4, 0.4), rows: 1, columns: 2, scale: Float32Array.of(1), bounds };
    const equal = matrixFrom(2, 2, [1, 0.999, 0.999, 1]);
    expect([...roundByGram(weights, equal)!].sort()).toEqual([0, 1]);
    expect([...roundToNearest(weights)]).toEqual([0, 0]);
  });

  it('makes far less error than rounding to the nearest on correlated inputs', () => {
    const weights = randomWeights(16, 24, 2);
    const gram = correlatedGram(24, 3);
    const byGram = outputError(weights, roundByGram(weights, gram)!, gram);
    expect(byGram).toBeLessThan(0.5 * outputError(weights, roundToNearest(weights), gram));
  });

  it('saturates', () => {
    const weights = { values: Float32Array.of(900, -900), rows: 1, columns: 2, scale: Float32Array.of(1), bounds };
    expect(roundByGram(weights, matrixFrom(2, 2, [1, 0, 0, 1]))).toEqual(Int8Array.of(127, -127));
  });

  it('gives up on moments of nothing', () => {
    expect(roundByGram(randomWeights(1, 2, 4), matrixFrom(2, 2, [0, 0, 0, 0]))).toBeNull();
  });
});
