import { describe, expect, test } from 'vitest';
import {
  addGram,
  createMatrix,
  gramOfColumns,
  gramOfRows,
  matrixFrom,
  multiply,
  multiplyByTransposed,
  multiplyTransposed,
  transpose,
} from '../../../src/numeric/index.js';
import { definedProduct, distance, randomMatrix } from './reference.js';

describe.each([
  [1, 1, 1],
  [4, 4, 4],
  [3, 5, 2],
  [7, 601, 70],
  [66, 130, 9],
])('%d × %d times × %d', (m, k, n) => {
  const a = randomMatrix(m, k, 1);
  const b = randomMatrix(k, n, 2);
  const expected = definedProduct(a, b);

  test('every form of a product is the product', () => {
    expect(distance(multiply(a, b), expected)).toBeLessThan(1e-11);
    expect(distance(multiplyByTransposed(a, transpose(b)), expected)).toBeLessThan(1e-11);
    expect(distance(multiplyTransposed(transpose(a), b), expected)).toBeLessThan(1e-11);
  });

  test('Gram matrices are products with the transposed', () => {
    expect(distance(gramOfRows(a), definedProduct(a, transpose(a)))).toBeLessThan(1e-11);
    expect(distance(gramOfColumns(a), definedProduct(transpose(a), a))).toBeLessThan(1e-11);
  });
});

test('float32 rows are added to a Gram matrix piece by piece', () => {
  const rows = randomMatrix(1030, 6);
  const gram = createMatrix(6, 6);
  const single = Float32Array.from(rows.data);
  addGram(gram, single.subarray(0, 6 * 700));
  addGram(gram, single.subarray(6 * 700));
  const x = matrixFrom(1030, 6, single);
  expect(distance(gram, definedProduct(transpose(x), x))).toBeLessThan(1e-9);
});

test('nothing times nothing is zeros', () => {
  expect(multiply(createMatrix(2, 0), createMatrix(0, 3)).data).toEqual(new Float64Array(6));
  addGram(createMatrix(0, 0), new Float32Array(0));
});

test('shapes that do not fit are refused', () => {
  expect(() => multiply(createMatrix(2, 3), createMatrix(2, 3))).toThrow('2×3');
  expect(() => addGram(createMatrix(3, 3), new Float32Array(4))).toThrow('4 elements');
  expect(() => createMatrix(2, 2, new Float64Array(3))).toThrow('3 elements');
});
