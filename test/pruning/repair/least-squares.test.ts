import { expect, test } from 'vitest';
import { SecondMoments } from '../../../src/calibration/index.js';
import { MatrixProducts } from '../../../src/engine/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { regress } from '../../../src/pruning/repair/least-squares.js';
import { engine } from '../../fixture-models.js';

test('finds the weights and bias that made the targets', async () => {
  const random = createRandom(2);
  const products = new MatrixProducts(engine);
  const moments = new SecondMoments(3, products, 2);
  const rows = Float32Array.from({ length: 300 }, () => 1 + random.normal());
  const made = [
    [2, -1],
    [0.5, 0],
    [0, 3],
  ];
  const targets = new Float32Array(200);
  for (let row = 0; row < 100; row++) {
    for (let t = 0; t < 2; t++)
      targets[row * 2 + t] = made.reduce((sum, w, k) => sum + rows[row * 3 + k] * w[t], 0.25 - t);
  }
  await moments.add(rows, targets);
  await moments.flush();
  await products.close();
  const { weights, bias } = regress(moments, new Float64Array(6), { ridge: 1e-9, intercept: true })!;
  for (const [at, value] of made.flat().entries()) expect(weights[at]).toBeCloseTo(value, 3);
  expect(bias[0]).toBeCloseTo(0.25, 3);
  expect(bias[1]).toBeCloseTo(-0.75, 3);
  // A strong pull leaves the weights there are.
  const start = Float64Array.of(1, 2, 3, 4, 5, 6);
  const kept = regress(moments, start, { ridge: 1e9, intercept: true })!;
  for (const [at, value] of start.entries()) expect(kept.weights[at]).toBeCloseTo(value, 4);
});
