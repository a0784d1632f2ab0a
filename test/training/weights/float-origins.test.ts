// Where integers came from: found by the name of what is computed with them, and started from as far as that rounds to the same.
import { expect, test } from 'vitest';
import { parseModel } from '../../../src/ir/index.js';
import { floatOrigin, stepsBefore } from '../../../src/training/weights/float-origins.js';

const student = parseModel(`<ir_version: 10, opset_import: ["": 21]>
  g (float[n,2] x) => (float[n,2] y, float[n,2] z)
  <float[2,2] latent = {1, 2, 3, 4}, float[2,2] other = {1, 2, 3, 4}> { y = MatMul (x, latent) z = MatMul (x, other) }`);
const [latent, other] = [...student.graph.initializers];

test('the weight of the original is found where the same is computed', () => {
  const original = parseModel(`<ir_version: 10, opset_import: ["": 21]>
    g (float[n,2] a) => (float[n,2] y, float[n,2] z)
    <float[2,2] w = {1.25, 2, 3, 4}, float[2,2] v = {5, 6, 7, 8}> {
      y = MatMul (a, w)
      t = Transpose <perm = [1, 0]> (v)
      z = MatMul (a, t)
    }`);
  expect([...floatOrigin(latent, original)!]).toEqual([1.25, 2, 3, 4]);
  // It lies otherwise.
  expect(floatOrigin(other, original)).toBeNull();
});

test('nothing is found behind another operator, or with another shape', () => {
  const original = parseModel(`<ir_version: 10, opset_import: ["": 21]>
    g (float[n,2] a) => (float[n,2] y, float[n,2] z)
    <float[2,2] w = {1.25, 2, 3, 4}, float[2] v = {5, 6}> { y = Add (a, v) z = Gemm (a, w) }`);
  expect(floatOrigin(latent, original)).toBeNull();
  expect(floatOrigin(other, original)).toBeNull();
});

test('starts round to the integer', () => {
  expect(stepsBefore(3, 3.2)).toBeCloseTo(3.2);
  expect(stepsBefore(3, 3.7)).toBeCloseTo(3.45);
  expect(stepsBefore(3, 2.1)).toBeCloseTo(2.55);
  // An integer that makes up for others is no rounding of what was there.
  expect(stepsBefore(3, 5)).toBe(3);
  expect(stepsBefore(3, Number.NaN)).toBe(3);
});

test('behind a Transpose, and in front of a bias that took the name', () => {
  const turned = parseModel(`<ir_version: 10, opset_import: ["": 21]>
    g (float[n,3] x) => (float[n,2] y, float[n,2] z)
    <float[2,3] a = {1, 2, 3, 4, 5, 6}, float[2,3] b = {1, 2, 3, 4, 5, 6}, float[2] c = {1, 2}> {
      at = Transpose <perm = [1, 0]> (a)
      y = MatMul (x, at)
      bt = Transpose <perm = [1, 0]> (b)
      p = MatMul (x, bt)
      z = Add (p, c)
    }`);
  const original = parseModel(`<ir_version: 10, opset_import: ["": 21]>
    g (float[n,3] x) => (float[n,2] y, float[n,2] z)
    <float[3,2] w = {1, 4, 2, 5, 3, 6.5}, float[2,3] v = {1, 2, 3, 4, 5, 7}, float[2] c = {1, 2}> {
      y = MatMul (x, w)
      z = Gemm <transB = 1> (x, v, c)
    }`);
  const [a, b] = [...turned.graph.initializers];
  expect([...floatOrigin(a, original)!]).toEqual([1, 2, 3, 4, 5, 6.5]);
  expect([...floatOrigin(b, original)!]).toEqual([1, 2, 3, 4, 5, 7]);
});
