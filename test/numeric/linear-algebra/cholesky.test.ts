import { describe, expect, test } from 'vitest';
import {
  addToDiagonal,
  copyMatrix,
  dampedCholesky,
  factorCholesky,
  gramOfColumns,
  identityMatrix,
  invertLower,
  invertPositiveDefinite,
  type Matrix,
  matrixFrom,
  solveLower,
  solveLowerTransposed,
  solvePositiveDefinite,
  solveUpper,
  transpose,
} from '../../../src/numeric/index.js';
import { definedProduct, distance, randomMatrix } from './reference.js';

const small = matrixFrom(3, 3, [4, 2, 0.5, 2, 5, 1, 0.5, 1, 3]);

// numpy.linalg.inv and solve (NumPy 2).
const numpyInverse = [
  0.3128491620111732, -0.12290502793296089, -0.0111731843575419, -0.12290502793296089, 0.26256983240223464,
  -0.0670391061452514, -0.0111731843575419, -0.0670391061452514, 0.3575418994413408,
];
const numpySolution = [
  -0.11173184357541899, 0.06703910614525138, 0.329608938547486, 0.4022346368715084, 1.5754189944134078,
  1.8547486033519553,
];

test('factor, inverse and solution of a small matrix are those of NumPy', () => {
  const factor = copyMatrix(small);
  expect(factorCholesky(factor)).toBeNull();
  expect(distance(factor, matrixFrom(3, 3, [2, 0, 0, 1, 2, 0, 0.25, 0.375, 1.6723860200324565]))).toBeLessThan(1e-15);
  const inverse = invertPositiveDefinite(small)!;
  expect(distance(inverse, matrixFrom(3, 3, numpyInverse))).toBeLessThan(1e-15);
  const solution = solvePositiveDefinite(small, matrixFrom(3, 2, [1, 2, 3, 4, 5, 6]))!;
  expect(distance(solution, matrixFrom(3, 2, numpySolution))).toBeLessThan(1e-15);
});

describe.each([1, 2, 63, 64, 65, 131, 202])('of %d rows', (size) => {
  const a = positiveDefinite(size);
  const factor = copyMatrix(a);

  test('L·Lᵀ is the matrix, and L is lower triangular', () => {
    expect(factorCholesky(factor)).toBeNull();
    expect(distance(definedProduct(factor, transpose(factor)), a)).toBeLessThan(1e-11);
    for (let i = 0; i < size; i++) for (let j = i + 1; j < size; j++) expect(factor.data[i * size + j]).toBe(0);
  });

  test('systems are solved', () => {
    const b = randomMatrix(size, 7, 3);
    const x = solvePositiveDefinite(a, b);
    expect(distance(definedProduct(a, x!), b)).toBeLessThan(1e-11);
    expect(distance(definedProduct(a, invertPositiveDefinite(a)!), identityMatrix(size))).toBeLessThan(1e-11);
  });

  test('triangles are solved and inverted', () => {
    const b = randomMatrix(size, 5, 4);
    const upper = transpose(factor);
    for (const [triangle, solve] of [
      [factor, (x: Matrix) => solveLower(factor, x)],
      [upper, (x: Matrix) => solveLowerTransposed(factor, x)],
      [upper, (x: Matrix) => solveUpper(upper, x)],
    ] as const) {
      const x = copyMatrix(b);
      solve(x);
      expect(distance(definedProduct(triangle, x), b)).toBeLessThan(1e-11);
    }
    expect(distance(definedProduct(factor, invertLower(factor)), identityMatrix(size))).toBeLessThan(1e-11);
  });
});

test('what is not positive definite is told by the row of its pivot', () => {
  expect(factorCholesky(matrixFrom(2, 2, [1, 2, 2, 1]))).toBe(1);
  expect(factorCholesky(matrixFrom(2, 2, [0, 0, 0, 1]))).toBe(0);
  expect(factorCholesky(matrixFrom(1, 1, [Number.NaN]))).toBe(0);
  expect(factorCholesky(matrixFrom(1, 1, [Number.POSITIVE_INFINITY]))).toBe(0);
  expect(solvePositiveDefinite(matrixFrom(1, 1, [-1]), identityMatrix(1))).toBeNull();
  expect(() => factorCholesky(matrixFrom(1, 2, [1, 2]))).toThrow('1×2');
});

test('damping makes a matrix of deficient rank positive definite', () => {
  const deficient = gramOfColumns(randomMatrix(5, 20));
  expect(factorCholesky(copyMatrix(deficient))).not.toBeNull();
  const damped = dampedCholesky(deficient)!;
  expect(damped.added).toBeGreaterThan(0);
  const expected = copyMatrix(deficient);
  addToDiagonal(expected, damped.added);
  expect(distance(definedProduct(damped.factor, transpose(damped.factor)), expected)).toBeLessThan(1e-11);
  expect(dampedCholesky(small)!.added).toBe(0);
  expect(dampedCholesky(matrixFrom(2, 2, [0, 0, 0, 0]))).toBeNull();
  expect(dampedCholesky(matrixFrom(1, 1, [Number.NaN]))).toBeNull();
});

function positiveDefinite(size: number): Matrix {
  const a = gramOfColumns(randomMatrix(2 * size, size, size));
  for (let i = 0; i < a.data.length; i++) a.data[i] /= size;
  addToDiagonal(a, 0.1);
  return a;
}
