// Training behind normalization that the result does not have: it changes nothing at first, the folded weights are what was judged, zeros stay.
import { expect, test } from 'vitest';
import { cloneModel, type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { Examples } from '../../../src/training/examples/examples.js';
import { type TrainingOptions, train } from '../../../src/training/index.js';
import { Renormalization } from '../../../src/training/weights/renormalization.js';
import { engine } from '../../fixture-models.js';
import { optionsOf } from '../small-models.js';

/** Four convolutions with biases, a residual sum. */
function network(seed: number): Model {
  const model = parseModel(`<ir_version: 8, opset_import: ["": 17]> g (float[n,3,6,6] x) => (float[n,3] y)
    <float[1] w0 = {0}, float[1] b0 = {0}, float[1] w1 = {0}, float[1] b1 = {0}, float[1] w2 = {0}, float[1] b2 = {0}, float[1] w3 = {0}, float[1] b3 = {0}> {
      c0 = Conv <pads = [1, 1, 1, 1]> (x, w0, b0) r0 = Relu (c0)
      c1 = Conv <pads = [1, 1, 1, 1]> (r0, w1, b1) r1 = Relu (c1)
      c2 = Conv <pads = [1, 1, 1, 1]> (r1, w2, b2) s = Add (c2, r0) r2 = Relu (s)
      c3 = Conv (r2, w3, b3) r3 = Relu (c3)
      m = GlobalAveragePool (r3) y = Flatten (m)
    }`);
  const random = createRandom(seed);
  const inputs = [3, 8, 8, 8];
  for (const value of model.graph.initializers) {
    const index = Number(value.name[1]);
    const outputs = index === 3 ? 3 : 8;
    const shape = value.name.startsWith('w') ? [outputs, inputs[index], 3, 3] : [outputs];
    const size = shape.reduce((a, b) => a * b, 1);
    value.constant = float32Tensor(
      shape,
      Float32Array.from({ length: size }, () => random.normal() / 4),
    );
  }
  return model;
}

function images(count: number, seed: number) {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => ({
    x: float32Tensor(
      [1, 3, 6, 6],
      Float32Array.from({ length: 108 }, () => random.normal()),
    ),
  }));
}

const examples = (): Examples =>
  new Examples(
    images(160, 5).map((feeds) => ({ feeds, count: 1, targets: null, continues: false })),
    null,
    0.2,
  );

async function run(student: Model, options: Partial<TrainingOptions>) {
  const given = optionsOf({ normalization: 'batch', batch: 32, optimizer: 'sgd', clip: 0, temperature: 1, ...options });
  const environment = { engine, seed: 1, signal: new AbortController().signal, finish: null, progress() {} };
  return train({ student, teacher: network(1), examples: examples(), options: given, rate: 0.02 }, environment);
}

const weightsOf = ({ graph }: Model) =>
  new Map([...graph.initializers].map((value) => [value.name, value.constant!.readFloat32()]));

test('put in, it changes nothing: folded weights are the ones that were there', async () => {
  const student = network(2);
  const found = (await Renormalization.insert(student, images(40, 3), engine))!;
  const trained = weightsOf(found.model);
  for (const [name, values] of found.statistics()) trained.set(name, values);
  const folded = found.fold(trained);
  expect([...folded.keys()].sort()).toEqual(['b0', 'b1', 'b2', 'b3', 'w0', 'w1', 'w2', 'w3']);
  for (const [name, values] of weightsOf(student)) {
    for (const [i, value] of folded.get(name)!.entries()) expect(value).toBeCloseTo(values[i], 5);
  }
});

test('statistics follow the batches', async () => {
  const found = (await Renormalization.insert(network(2), images(40, 3), engine))!;
  const statistics = found.statistics();
  const [mean, variance] = found.observed;
  const [meanName, varianceName] = [...statistics.keys()];
  const before = statistics.get(meanName)![0];
  const ones = new Map(found.observed.map((name) => [name, new Float32Array(8).fill(1)]));
  found.observe(statistics, ones);
  expect(meanName).toBe(mean.replace('batch mean', 'mean'));
  expect(varianceName).toBe(variance.replace('batch variance', 'variance'));
  expect(statistics.get(meanName)![0]).toBeCloseTo(0.9 * before + 0.1, 5);
});

test('what is written is what was judged', async () => {
  const student = network(2);
  const first = await run(student, { steps: 40 });
  const best = Math.min(...first.checks.map(({ loss }) => loss));
  expect(first.bestStep).toBeGreaterThan(0);
  expect(best).toBeLessThan(0.5 * first.checks[0].loss);
  const again = await run(cloneModel(student), { steps: 1, normalization: 'none', lr: 1e-9 });
  expect(again.checks[0].loss).toBeCloseTo(best, 4);
});

test('weights that no step made better stay bit by bit, and zeros stay zero', async () => {
  const unmoved = network(2);
  const { bestStep } = await run(unmoved, { steps: 2, lr: 1e6 }).catch(() => ({ bestStep: 0 }));
  expect(bestStep).toBe(0);
  expect(weightsOf(unmoved)).toEqual(weightsOf(network(2)));
  const pruned = network(2);
  const value = [...pruned.graph.initializers].find(({ name }) => name === 'w1')!;
  value.constant = float32Tensor(
    value.constant!.shape,
    value.constant!.readFloat32().map((weight, i) => (i % 2 === 0 ? 0 : weight)),
  );
  await run(pruned, { steps: 6 });
  const after = weightsOf(pruned).get('w1')!;
  expect(after.every((weight, i) => i % 2 === 1 || weight === 0)).toBe(true);
  expect(after[1]).not.toBe(weightsOf(network(2)).get('w1')![1]);
});

test('networks of few convolutions, and those with normalization, are trained as they are', async () => {
  const few = parseModel(`<ir_version: 8, opset_import: ["": 17]> g (float[n,1,2,2] x) => (float[n,1,2,2] y)
    <float[1,1,1,1] w = {1}, float[1] b = {1}> { c = Conv (x, w, b) y = Relu (c) }`);
  expect(await Renormalization.insert(few, images(1, 1), engine)).toBeNull();
});
