import { expect, test } from 'vitest';
import { createRandom, matrixFrom, multiplyTransposed, solvePositiveDefinite } from '../../../src/numeric/index.js';
import { eliminateBlocks, eliminateEach } from '../../../src/pruning/units/eliminate-blocks.js';

const features = 8;
const outputs = 3;
const blocks = [
  [0, 1],
  [2, 3],
  [4, 5],
  [6, 7],
];

function problem(seed: number) {
  const random = createRandom(seed);
  const x = Float64Array.from({ length: 50 * features }, () => random.normal());
  for (let row = 0; row < 50; row++) x[row * features + 3] = 0.7 * x[row * features + 6] + 0.1 * x[row * features + 3];
  const samples = matrixFrom(50, features, x);
  const hessian = multiplyTransposed(samples, samples).data;
  const weights = Float64Array.from({ length: features * outputs }, () => random.normal());
  return { hessian, features, weights, outputs, blocks, scale: 1 };
}

/** The least error of any weights that use the features in `left` only: tr(Wᵀ H W) − tr(Bᵀ H_LL⁻¹ B), B = H_L: W. */
function leastError({ hessian, weights }: ReturnType<typeof problem>, left: readonly number[]): number {
  const hw = new Float64Array(features * outputs);
  let whole = 0;
  for (let i = 0; i < features; i++) {
    for (let o = 0; o < outputs; o++) {
      for (let j = 0; j < features; j++) hw[i * outputs + o] += hessian[i * features + j] * weights[j * outputs + o];
      whole += weights[i * outputs + o] * hw[i * outputs + o];
    }
  }
  const part = matrixFrom(
    left.length,
    left.length,
    left.flatMap((i) => left.map((j) => hessian[i * features + j])),
  );
  const right = matrixFrom(
    left.length,
    outputs,
    left.flatMap((i) => [...hw.subarray(i * outputs, (i + 1) * outputs)]),
  );
  const solved = solvePositiveDefinite(part, right)!;
  return whole - solved.data.reduce((sum, value, at) => sum + value * right.data[at], 0);
}

test('errors are those of the best weights that are left, and the first block is the cheapest one', () => {
  const given = problem(3);
  const { order, errors, weights } = eliminateBlocks([given], { count: 3, ridge: 0, keepAt: [1, 2] })!;
  const left = (gone: number): number[] =>
    blocks.flatMap((block, at) => (order.slice(0, gone).includes(at) ? [] : block));
  for (const gone of [1, 2, 3]) expect(errors[gone]).toBeCloseTo(leastError(given, left(gone)), 6);
  const alone = blocks.map((_, at) =>
    leastError(
      given,
      blocks.flatMap((block, other) => (other === at ? [] : block)),
    ),
  );
  expect(order[0]).toBe(alone.indexOf(Math.min(...alone)));
  for (const row of blocks[order[0]])
    expect([...weights[1][0].slice(row * outputs, (row + 1) * outputs)]).toEqual([0, 0, 0]);
});

test('several consumers are eliminated together', () => {
  const both = [problem(4), problem(5)];
  const { order, errors } = eliminateBlocks(both, { count: 1, ridge: 0, keepAt: [1] })!;
  const left = blocks.flatMap((block, at) => (at === order[0] ? [] : block));
  expect(errors[1]).toBeCloseTo(leastError(both[0], left) + leastError(both[1], left), 6);
});

test('second moments of zeros say nothing', () => {
  const empty = { ...problem(6), hessian: new Float64Array(features * features) };
  expect(eliminateBlocks([empty], { count: 1, ridge: 0, keepAt: [1] })).toBeNull();
});

test('a given order is kept, with the errors that it has', () => {
  const problems = [problem(3), problem(4)];
  const order = [3, 0, 2];
  const given = eliminateBlocks(problems, { count: 3, ridge: 0, keepAt: [], order })!;
  expect(given.order).toEqual(order);
  const left = blocks.flatMap((block, at) => (order.includes(at) ? [] : block));
  const expected = problems.reduce((sum, one) => sum + leastError(one, left), 0);
  expect(given.errors[3]).toBeCloseTo(expected, 6);
  const own = eliminateBlocks(problems, { count: 3, ridge: 0, keepAt: [] })!;
  expect(own.errors[1]).toBeLessThanOrEqual(given.errors[1]);
});

test('each block alone: its weights are zero, and the others the best without it', () => {
  const given = problem(5);
  const each = eliminateEach([given], 0)!;
  for (const [at, [refitted]] of each.entries()) {
    for (const row of blocks[at]) {
      expect([...refitted.subarray(row * outputs, (row + 1) * outputs)]).toEqual([0, 0, 0]);
    }
    const change = matrixFrom(
      features,
      outputs,
      refitted.map((value, i) => value - given.weights[i]),
    );
    const seen = multiplyTransposed(matrixFrom(features, features, given.hessian), change);
    const error = change.data.reduce((sum, value, i) => sum + value * seen.data[i], 0);
    const left = blocks.flatMap((block, other) => (other === at ? [] : block));
    expect(error).toBeCloseTo(leastError(given, left), 6);
  }
});
