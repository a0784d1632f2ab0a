import { afterAll, beforeAll, expect, test } from 'vitest';
import { SecondMoments } from '../../../src/calibration/index.js';
import { createOnnxRuntimeEngine, MatrixProducts } from '../../../src/engine/index.js';
import { fitToTargets } from '../../../src/factorization/index.js';
import { type Matrix, matrixFrom, multiplyByTransposed } from '../../../src/numeric/index.js';
import { distance, randomMatrix } from '../../numeric/linear-algebra/reference.js';

let products: MatrixProducts;
beforeAll(() => {
  products = new MatrixProducts(createOnnxRuntimeEngine());
});
afterAll(() => products.close());

async function momentsOf(x: Matrix, t: Matrix): Promise<SecondMoments> {
  const moments = new SecondMoments(x.columns, products, t.columns);
  await moments.add(Float32Array.from(x.data), Float32Array.from(t.data));
  await moments.flush();
  return moments;
}

const none = (): SecondMoments => new SecondMoments(2, products, 1);

// numpy: w0 + (t.T @ x / n - w0 @ c) @ inv(c + 0.1 * mean(diag c) * eye), c = x.T @ x / n (about the means where centred).
const x = matrixFrom(4, 2, [1, 2, 3, -1, 0, 2, -2, 1]);
const t = matrixFrom(4, 1, [2, 1, -1, 3]);
const old = matrixFrom(1, 2, [0.5, -0.25]);

test('without samples left out the pull is a tenth', async () => {
  const { group, input } = fitToTargets(await momentsOf(x, t), none(), old, false);
  expect(distance(group.weights, matrixFrom(1, 2, [0.04105681, 0.3413545]))).toBeLessThan(1e-6);
  expect([...input]).toEqual([0, 0]);
});

test('means are taken out where a bias takes them up', async () => {
  const { group, input, target } = fitToTargets(await momentsOf(x, t), none(), old, true);
  expect([...input]).toEqual([0.5, 1]);
  expect([...target]).toEqual([1.25]);
  expect(group.metric!.data[0]).toBeCloseTo(3.25 + 0.1 * 2.375, 6);
});

test('targets that the inputs explain are fitted closely', async () => {
  const weights = randomMatrix(3, 8, 1);
  const inputs = randomMatrix(400, 8, 2);
  const [fitted, heldOut] = [inputs, randomMatrix(100, 8, 3)].map((rows) =>
    momentsOf(rows, multiplyByTransposed(rows, weights)),
  );
  const { group } = fitToTargets(await fitted, await heldOut, randomMatrix(3, 8, 4), false);
  expect(distance(group.weights, weights)).toBeLessThan(1e-3);
});

test('noise is not fitted: the weights at hand stay', async () => {
  const weights = randomMatrix(3, 60, 1);
  const noisy = (count: number, seed: number): Promise<SecondMoments> => {
    const rows = randomMatrix(count, 60, seed);
    const targets = multiplyByTransposed(rows, weights);
    const noise = randomMatrix(count, 3, seed + 1);
    for (let i = 0; i < targets.data.length; i++) targets.data[i] += 8 * noise.data[i];
    return momentsOf(rows, targets);
  };
  const { group } = fitToTargets(await noisy(75, 10), await noisy(500, 20), weights, false);
  const alone = fitToTargets(await noisy(75, 10), new SecondMoments(60, products, 3), weights, false);
  expect(distance(group.weights, weights)).toBeLessThan(distance(alone.group.weights, weights));
});
