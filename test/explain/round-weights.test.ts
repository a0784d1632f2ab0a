import { expect, test } from 'vitest';
import { roundedTensor } from '../../src/explain/round-weights.js';
import { float32Tensor } from '../../src/tensor/index.js';

test('4 bits: the largest magnitude of a block is seven steps', () => {
  // One block of 32 along axis 1: 7 gives the scale 1; then halves are rounded to even.
  const values = Float32Array.from({ length: 32 }, (_, index) => (index % 8) / 4);
  values[31] = 7;
  const rounded = roundedTensor(float32Tensor([1, 32], values), 4, { axis: 1 }).readFloat32();
  expect([...rounded.subarray(0, 8)]).toEqual([0, 0, 0, 1, 1, 1, 2, 2]);
  expect(rounded[31]).toBe(7);
});

test('blocks have scales of their own, also the last, shorter one', () => {
  const values = new Float32Array(40).fill(0.1);
  values[0] = 70;
  values[32] = 0.7;
  const rounded = roundedTensor(float32Tensor([40, 1], values), 4, { axis: 0 }).readFloat32();
  expect(rounded[1]).toBe(0);
  expect(rounded[33]).toBeCloseTo(0.1, 6);
});

test('kernels of a convolution are one row', () => {
  const values = new Float32Array(2 * 4 * 3 * 3).fill(1);
  values[0] = 14;
  const rounded = roundedTensor(float32Tensor([2, 4, 3, 3], values), 4, { axis: 1, flat: true }).readFloat32();
  // The first block of the first channel: steps of 2, and 0.5 of a step rounds to even.
  expect(rounded.subarray(1, 32).every((value) => value === 0)).toBe(true);
  expect(rounded.subarray(32).every((value) => value === 1)).toBe(true);
});
