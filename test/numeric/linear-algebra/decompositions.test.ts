import { describe, expect, test } from 'vitest';
import {
  copyMatrix,
  createMatrix,
  createRandom,
  factorQr,
  gramOfColumns,
  gramOfRows,
  identityMatrix,
  leadingSingularValues,
  type Matrix,
  matrixFrom,
  multiply,
  multiplyByTransposed,
  type SingularValues,
  scaleColumns,
  singularValues,
  symmetricEigen,
  symmetricEigenvalues,
  transpose,
} from '../../../src/numeric/index.js';
import { distance, randomMatrix } from './reference.js';

const shapes = [
  [1, 1],
  [3, 3],
  [33, 33],
  [90, 31],
  [100, 70],
  [20, 65],
] as const;

describe.each(shapes)('QR of %d × %d', (rows, columns) => {
  test('Q·R is the matrix, Q orthonormal, R upper triangular', () => {
    const a = randomMatrix(rows, columns);
    const { q, r } = factorQr(a);
    expect(distance(multiply(q, r), a)).toBeLessThan(1e-13);
    expect(orthonormality(q)).toBeLessThan(1e-13);
    for (let i = 0; i < r.rows; i++) for (let j = 0; j < i; j++) expect(r.data[i * columns + j]).toBe(0);
  });
});

test('QR completes what depends on other columns', () => {
  expect(orthonormality(factorQr(createMatrix(40, 35)).q)).toBeLessThan(1e-14);
  const twice = transpose(matrixFrom(2, 3, [1, 2, 3, 1, 2, 3]));
  expect(orthonormality(factorQr(twice).q)).toBeLessThan(1e-14);
});

// numpy.linalg.eigvalsh
test('eigenvalues of a small matrix are those of NumPy', () => {
  const a = matrixFrom(4, 4, [2, -1, 0, 3, -1, 4, 1, 0, 0, 1, -5, 2, 3, 0, 2, 1]);
  const { values } = symmetricEigen(a);
  const expected = [5.118145683377283, 3.8591445793264327, -1.1896999194588205, -5.787590343244896];
  for (const [index, value] of expected.entries()) expect(values[index]).toBeCloseTo(value, 13);
});

describe('eigen-decomposition', () => {
  const wellSeparated = gramOfRows(randomMatrix(75, 75));
  const clustered = identityMatrix(80);
  clustered.data[80] = 1e-9;
  const deficient = gramOfRows(randomMatrix(70, 3));
  const block = createMatrix(66, 66);
  for (let i = 0; i < 66; i += 2) block.data[(i + 1) * 66 + i] = 1;
  for (const [name, a] of Object.entries({ wellSeparated, clustered, deficient, block, tiny: identityMatrix(1) })) {
    test(`of a matrix: ${name}`, () => {
      const whole = symmetrized(a);
      const { values, vectors } = symmetricEigen(a);
      const size = Math.max(...values.map(Math.abs));
      const scaled = copyMatrix(vectors);
      scaleColumns(scaled, values);
      expect(distance(multiplyByTransposed(scaled, vectors), whole) / size).toBeLessThan(1e-13);
      expect(orthonormality(vectors)).toBeLessThan(1e-13);
      expect([...values]).toEqual([...values].sort((x, y) => y - x));
    });
  }

  test('the largest alone are the first of all', () => {
    const all = symmetricEigen(wellSeparated);
    const some = symmetricEigen(wellSeparated, 5);
    expect(some.vectors.columns).toBe(5);
    for (let i = 0; i < 5; i++) expect(some.values[i] / all.values[i]).toBeCloseTo(1, 12);
  });
});

// numpy.linalg.svd of the Hilbert matrix of 12 rows, whose condition number is 1.7e16.
const hilbertValues = [
  1.7953720595619977, 0.38027524595503703, 0.04473854875218105, 0.0037223122378911466, 0.0002330890890217741,
  1.1163357483233162e-5, 4.0823761103966345e-7, 1.1228610672022345e-8, 2.2519645314790242e-10, 3.1113425772890174e-12,
  2.64960241591187e-14, 1.0249925489188608e-16,
];

test('singular values of an ill-conditioned matrix are those of NumPy', () => {
  const hilbert = createMatrix(12, 12);
  for (let i = 0; i < 144; i++) hilbert.data[i] = 1 / (Math.floor(i / 12) + (i % 12) + 1);
  const found = singularValues(hilbert);
  for (const [index, value] of hilbertValues.entries()) {
    expect(Math.abs(found.values[index] - value)).toBeLessThan(1e-15);
    if (value > 1e-10) expect(found.values[index] / value).toBeCloseTo(1, 5);
  }
  expectDecomposition(hilbert, found);
});

describe('singular values', () => {
  const spread = randomMatrix(60, 60, 5);
  scaleColumns(
    spread,
    Float64Array.from({ length: 60 }, (_, index) => 10 ** (-index / 3)),
  );
  const matrices = {
    'one element': matrixFrom(1, 1, [-3]),
    column: randomMatrix(9, 1),
    row: randomMatrix(1, 9),
    tall: randomMatrix(120, 17),
    wide: randomMatrix(17, 120),
    square: randomMatrix(64, 64),
    'rank 1': multiply(randomMatrix(40, 1), randomMatrix(1, 35)),
    'equal values': identityMatrix(50),
    zeros: createMatrix(7, 4),
    'twenty orders of magnitude': spread,
    'huge elements': matrixFrom(2, 2, [1e200, 2e200, -3e200, 1e199]),
  };
  for (const [name, a] of Object.entries(matrices)) {
    test(`of ${name}`, () => expectDecomposition(a, singularValues(a)));
  }

  test('elements that are not finite are refused', () => {
    expect(() => singularValues(matrixFrom(1, 2, [1, Number.NaN]))).toThrow('not finite');
  });
});

describe('eigenvalues alone', () => {
  test('are those found with vectors', () => {
    const a = gramOfRows(randomMatrix(75, 60));
    const { values } = symmetricEigen(a);
    for (const [index, value] of symmetricEigenvalues(a).entries()) {
      expect(Math.abs(value - values[index])).toBeLessThan(1e-12 * values[0]);
    }
  });
});

describe('the largest singular values', () => {
  const spectra: Record<string, (index: number) => number> = {
    'of steep decay': (index) => 0.9 ** index,
    'of slow decay': (index) => 1 / Math.sqrt(index + 1),
    'of large ones above noise': (index) => (index < 3 ? 1e4 : 1 + 1 / (index + 1)),
    'of low rank': (index) => (index < 5 ? 1 / (index + 1) : 0),
    'of twelve orders of magnitude': (index) => 10 ** (-index / 8),
    'of equal values': () => 2,
  };
  const left = factorQr(randomMatrix(130, 90, 8)).q;
  const right = factorQr(randomMatrix(90, 90, 9)).q;
  describe.each(Object.entries(spectra))('%s', (_, spectrum) => {
    const expected = Float64Array.from({ length: 90 }, (_value, index) => spectrum(index));
    const scaled = copyMatrix(left);
    scaleColumns(scaled, expected);
    const a = multiplyByTransposed(scaled, right);

    // 1 and 10 by iteration, 60 exactly.
    test.each([1, 10, 60])('rank %d', async (rank) => {
      for (const matrix of [a, transpose(a)]) {
        const { values, u, v } = await leadingSingularValues(matrix, rank, { random: createRandom(3) });
        expect([u.columns, v.columns]).toEqual([rank, rank]);
        for (let i = 0; i < rank; i++) expect(Math.abs(values[i] - expected[i]) / expected[0]).toBeLessThan(1e-6);
        expect(orthonormality(u)).toBeLessThan(1e-12);
        expect(orthonormality(v)).toBeLessThan(1e-12);
        const rest = copyMatrix(u);
        scaleColumns(rest, values);
        const { data } = multiplyByTransposed(rest, v);
        const squares = data.reduce((sum, value, index) => sum + (value - matrix.data[index]) ** 2, 0);
        const least = expected.subarray(rank).reduce((sum, value) => sum + value * value, 0);
        expect(Math.sqrt(squares) - Math.sqrt(least)).toBeLessThan(1e-6 * Math.max(Math.sqrt(least), expected[0]));
      }
    });
  });

  test('the same seed gives the same', async () => {
    const a = randomMatrix(80, 80);
    const [first, second] = await Promise.all(
      [3, 3].map((seed) => leadingSingularValues(a, 10, { random: createRandom(seed) })),
    );
    expect(distance(first.u, second.u)).toBe(0);
  });

  test('asks whether to go on', async () => {
    const check = () => {
      throw new Error('stop');
    };
    const a = randomMatrix(80, 80);
    await expect(leadingSingularValues(a, 3, { random: createRandom(1), check })).rejects.toThrow('stop');
  });

  test('refuse what is not finite', async () => {
    const a = matrixFrom(1, 2, [1, Number.POSITIVE_INFINITY]);
    await expect(leadingSingularValues(a, 1, { random: createRandom(1) })).rejects.toThrow('not finite');
  });
});

function expectDecomposition(a: Matrix, { u, values, v }: SingularValues): void {
  const [largest] = values;
  const scaled = copyMatrix(u);
  scaleColumns(scaled, values);
  expect(distance(multiplyByTransposed(scaled, v), a)).toBeLessThanOrEqual(1e-11 * largest);
  expect(orthonormality(u)).toBeLessThan(1e-12);
  expect(orthonormality(v)).toBeLessThan(1e-12);
  expect([...values]).toEqual([...values].sort((x, y) => y - x));
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
}

function orthonormality(q: Matrix): number {
  return distance(gramOfColumns(q), identityMatrix(q.columns));
}

/** The lower triangle on both sides. */
function symmetrized(a: Matrix): Matrix {
  const result = copyMatrix(a);
  for (let i = 0; i < a.rows; i++) for (let j = 0; j < i; j++) result.data[j * a.rows + i] = a.data[i * a.rows + j];
  return result;
}
