import { expect, test } from 'vitest';
import { allocateGreedily, allowedCounts, nearest } from '../../src/pruning/budget/allocate.js';
import { vectorScores } from '../../src/pruning/units/vector-importance.js';
import { ascending } from '../../src/pruning/units/weight-scores.js';

const vectors = [Float32Array.of(3, -4), Float32Array.of(1, 1), Float32Array.of(0, 8)];

test('scores of vectors, by hand', () => {
  expect([...vectorScores(vectors, 'l1')]).toEqual([7, 2, 8]);
  expect([...vectorScores(vectors, 'l2')]).toEqual([5, Math.SQRT2, 8]);
  const [first, second] = vectorScores(vectors, 'geometric-mean');
  expect(first).toBeCloseTo(Math.sqrt(12), 6);
  expect(second).toBeCloseTo(1, 6);
  // Distances: 0–1 √29, 0–2 √153, 1–2 √50.
  const fpgm = vectorScores(vectors, 'fpgm');
  expect(fpgm[0]).toBeCloseTo(Math.sqrt(29) + Math.sqrt(153), 5);
  expect(fpgm[1]).toBeCloseTo(Math.sqrt(29) + Math.sqrt(50), 5);
});

test('a geometric mean over many weights does not vanish', () => {
  expect(vectorScores([new Float32Array(4608).fill(1e-3)], 'geometric-mean')[0]).toBeCloseTo(1e-3, 8);
});

test('what may go leaves a multiple, and something', () => {
  expect(allowedCounts(10, 1)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(allowedCounts(20, 8)).toEqual([0, 4, 12]);
  expect(allowedCounts(6, 8)).toEqual([0]);
  expect(nearest([0, 4, 12], 7)).toBe(4);
});

test('units go in ascending order of their scores', () => {
  expect(ascending([3, 1, 2, 1])).toEqual([1, 3, 2, 0]);
});

test('greedy allocation takes the cheap removal behind a dear one', () => {
  const group = (name: string) => ({ name, units: [0, 1, 2, 3], parts: [], producers: [], consumers: [] });
  const [a, b] = [group('a'), group('b')];
  const cost = {
    total: (removed: ReadonlyMap<object, number>) => 8 - (removed.get(a) ?? 0) - (removed.get(b) ?? 0),
    around: (of: object, removed: ReadonlyMap<object, number>) => 4 - (removed.get(of) ?? 0),
    neighbours: (of: object) => new Set([of]),
  };
  // The first unit of a is dear, all three together are cheaper than any three of b.
  const candidates = [
    { group: a, damage: [0, 2, 2.1, 2.2], allowed: [0, 1, 2, 3] },
    { group: b, damage: [0, 1, 2, 3], allowed: [0, 1, 2, 3] },
  ];
  const removed = allocateGreedily(candidates, cost as never, 5);
  expect([removed.get(a), removed.get(b)]).toEqual([3, undefined]);
  // More than there is: what can be done.
  expect([...allocateGreedily(candidates, cost as never, 0).values()]).toEqual([3, 3]);
});
