// Taylor importance beside what the loss does when a unit is really scaled down a little.
import { expect, test } from 'vitest';
import type { Feeds } from '../../../src/engine/index.js';
import { cloneModel, type Model } from '../../../src/ir/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { taylorImportance } from '../../../src/training/index.js';
import { engine } from '../../fixture-models.js';
import { inputs, network } from '../small-models.js';

/** Cross-entropy with the likeliest class of the network itself when hidden unit `unit` is multiplied by `factor`. */
async function lossWith(model: Model, feeds: Feeds, unit: number, factor: number): Promise<number> {
  const scaled = cloneModel(model);
  const w2 = [...scaled.graph.initializers].find(({ name }) => name === 'w2')!;
  const values = w2.constant!.readFloat32().map((value, i) => (Math.floor(i / 3) === unit ? value * factor : value));
  w2.constant = float32Tensor(w2.constant!.shape, values);
  const scores = [];
  for (const one of [model, scaled]) {
    const session = await engine.open(one);
    scores.push([...(await session.run(feeds)).y.readFloat32()]);
    await session.close();
  }
  const [own, other] = scores;
  const likeliest = own.indexOf(Math.max(...own));
  return Math.log(other.reduce((sum, value) => sum + Math.exp(value), 0)) - other[likeliest];
}

test('the importance of a unit is the slope of the loss along its removal', async () => {
  const model = network(1);
  const examples: Feeds[] = [];
  for await (const feeds of inputs(3)) examples.push(feeds);
  const importance = await taylorImportance(
    model,
    [
      { name: 'a', axis: 1 },
      { name: 'h', axis: null },
    ],
    inputs(3),
    { engine },
  );
  expect(importance.get('a')).toHaveLength(6);
  expect(importance.get('h')).toHaveLength(1);
  for (let unit = 0; unit < 6; unit++) {
    let expected = 0;
    for (const feeds of examples) {
      const [up, down] = [await lossWith(model, feeds, unit, 1.01), await lossWith(model, feeds, unit, 0.99)];
      expected += Math.abs((up - down) / 0.02) / examples.length;
    }
    expect(importance.get('a')![unit]).toBeCloseTo(expected, 2);
  }
});

test('with the Fisher information it is half of the mean square of these slopes', async () => {
  const examples: Feeds[] = [];
  for await (const feeds of inputs(3)) examples.push(feeds);
  const judged = [{ name: 'a', axis: 1 }];
  const one = async (feeds: Feeds, order: 'first' | 'fisher') => {
    async function* samples() {
      yield feeds;
    }
    return (await taylorImportance(network(1), judged, samples(), { engine, order })).get('a')!;
  };
  const all = (await taylorImportance(network(1), judged, inputs(3), { engine, order: 'fisher' })).get('a')!;
  for (let unit = 0; unit < 6; unit++) {
    let expected = 0;
    for (const feeds of examples) expected += (await one(feeds, 'first'))[unit] ** 2 / 2 / examples.length;
    expect(all[unit]).toBeCloseTo(expected, 5);
  }
});

test('a value that no node computes is named in the error', async () => {
  await expect(taylorImportance(network(1), [{ name: 'nothing', axis: 0 }], inputs(1), { engine })).rejects.toThrow(
    'nothing',
  );
});
