import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOnnxRuntimeEngine, MatrixProducts } from '../../../src/engine/index.js';
import {
  families,
  largeChoices,
  largeFactors,
  type OperatorShape,
  type Stage,
} from '../../../src/factorization/index.js';
import { createRandom, gramOfColumns, type Matrix, multiply, scaleColumns } from '../../../src/numeric/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { distance, randomMatrix } from '../../numeric/linear-algebra/reference.js';

let products: MatrixProducts;
beforeAll(() => {
  products = new MatrixProducts(createOnnxRuntimeEngine());
});
afterAll(() => products.close());

const contextOf = (signal = new AbortController().signal) => ({
  products,
  workers: inlineWorkers,
  signal,
  random: () => createRandom(1),
});

test('products of the engine in float64 are those of float64', async () => {
  const [a, b] = [randomMatrix(30, 20, 1), randomMatrix(20, 40, 2)];
  expect(distance(await products.multiplyExactly(a, b), multiply(a, b))).toBeLessThan(1e-13);
});

describe.each([
  ['as many outputs as inputs', 96, 96],
  ['more outputs', 150, 90],
  ['more inputs', 90, 150],
])('%s', (_name, outputs, inputs) => {
  const shape: OperatorShape = {
    kind: 'matrix',
    outputChannels: outputs,
    inputChannels: inputs,
    groups: 1,
    kernel: [],
    positions: { input: 1, output: 1 },
  };
  const weights = randomMatrix(outputs, inputs, 3);
  const spread = randomMatrix(2 * inputs, inputs, 4);
  scaleColumns(
    spread,
    Float64Array.from({ length: inputs }, (_, index) => 1 / Math.sqrt(index + 1)),
  );
  test.each([
    ['without a metric', null],
    ['with a metric', gramOfColumns(spread)],
  ])('%s, choices and factors are those of small matrices', async (_case, metric) => {
    const group = { weights, metric };
    const choices = await largeChoices(shape, group, 8, contextOf());
    const expected = families['low-rank'].choices(shape, [group], 8);
    expect(choices.map(({ ranks }) => ranks)).toEqual(expected.map(({ ranks }) => ranks));
    for (const [index, { error }] of choices.entries()) {
      expect(Math.abs(error - expected[index].error)).toBeLessThan(1e-9 * expected[0].error);
    }
    // By iteration, and whole.
    for (const rank of [12, 70]) {
      const found = composed(await largeFactors(shape, group, rank, contextOf()));
      const exact = composed(families['low-rank'].factors(shape, [group], [rank]));
      expect(distance(found, exact)).toBeLessThan(1e-4);
    }
  });
});

test('stops when it is asked to', async () => {
  const weights = randomMatrix(20, 20);
  const shape: OperatorShape = {
    kind: 'matrix',
    outputChannels: 20,
    inputChannels: 20,
    groups: 1,
    kernel: [],
    positions: { input: 1, output: 1 },
  };
  await expect(largeFactors(shape, { weights, metric: null }, 4, contextOf(AbortSignal.abort()))).rejects.toThrow();
});

function composed([first, second]: readonly Stage[]): Matrix {
  return multiply(second.weights[0], first.weights[0]);
}
