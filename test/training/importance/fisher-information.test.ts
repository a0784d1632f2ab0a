// The Fisher information of weights beside numerical derivatives of the loss, sample by sample.
import { expect, test } from 'vitest';
import type { Feeds } from '../../../src/engine/index.js';
import { cloneModel, type Model, parseModel } from '../../../src/ir/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { fisherInformation } from '../../../src/training/index.js';
import { engine, outputsOf } from '../../fixture-models.js';
import { inputs, network } from '../small-models.js';

/** Cross-entropy of `model` with the class that `original` finds likeliest. */
async function loss(model: Model, original: Model, feeds: Feeds): Promise<number> {
  const own = [...(await outputsOf(original, feeds)).y.readFloat32()];
  const scores = (await outputsOf(model, feeds)).y.readFloat32();
  return Math.log(scores.reduce((sum, value) => sum + Math.exp(value), 0)) - scores[own.indexOf(Math.max(...own))];
}

test('half of the mean of squared slopes along the weights themselves', async () => {
  const model = network(1, 2);
  const found = await fisherInformation(model, inputs(2), { engine, threads: 1 });
  expect([...found.keys()].sort()).toEqual(['b1', 'w1', 'w2']);
  let expected = 0;
  for await (const feeds of inputs(2)) {
    for (let i = 0; i < 6; i++) {
      const slopes = [];
      for (const factor of [1.01, 0.99]) {
        const moved = cloneModel(model);
        const w2 = [...moved.graph.initializers].find(({ name }) => name === 'w2')!;
        const values = w2.constant!.readFloat32().map((value, at) => (at === i ? factor * value : value));
        w2.constant = float32Tensor(w2.constant!.shape, values);
        slopes.push(await loss(moved, model, feeds));
      }
      expected += ((slopes[0] - slopes[1]) / 0.02) ** 2 / 2 / 2;
    }
  }
  expect(found.get('w2')).toBeCloseTo(expected, 2);
});

test('a model without gradients is refused', async () => {
  const model = parseModel(`<ir_version: 8, opset_import: ["": 17]> g (float[n,4] x) => (float[n,1] y)
    <float[4] w = {1, 2, 3, 4}, int64[3] square = {-1, 2, 2}, int64[2] row = {-1, 1}> {
      h = Mul (x, w) m = Reshape (h, square) d = Det (m) y = Reshape (d, row)
    }`);
  await expect(fisherInformation(model, inputs(1), { engine })).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
});
