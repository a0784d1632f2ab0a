// Integers that go to and fro are fixed at the one that they had most; those that wander one way are not.
import { expect, test } from 'vitest';
import { seeInteger, startOscillations } from '../../../src/training/weights/oscillations.js';

function follow(integers: readonly number[], start = integers[0]): (number | null)[] {
  const oscillations = startOscillations(Float32Array.of(start));
  return integers.map((integer) => seeInteger(oscillations, 0, integer));
}

test('what goes one way stays free', () => {
  expect(follow([-8, -7, -7, -5, -2, 0, 3, 7])).toEqual(Array(8).fill(null));
});

test('one turn is no oscillation', () => {
  expect(follow([3, 4, 3, 3, 2, 1])).toEqual(Array(6).fill(null));
});

test('the second turn fixes the integer, for good', () => {
  expect(follow([-1, -2, -1, -2, -1, 5])).toEqual([null, null, null, -1, -1, -1]);
});

test('it is the one that was there most', () => {
  const long = (integer: number): number[] => Array(60).fill(integer);
  expect(follow([0, ...long(1), 0, 1]).at(-1)).toBe(1);
  expect(follow([0, 1, ...long(0), 1]).at(-1)).toBe(0);
});

test('elements of a weight are apart', () => {
  const oscillations = startOscillations(Float32Array.of(2, 2));
  for (const integer of [3, 2]) expect(seeInteger(oscillations, 0, integer)).toBeNull();
  expect(seeInteger(oscillations, 0, 3)).toBe(2);
  expect(seeInteger(oscillations, 1, 3)).toBeNull();
});
