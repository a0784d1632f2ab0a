// Training of products of integers: the float form says what the integer form says, and what was judged is what its integers say afterwards.
import { expect, test } from 'vitest';
import { quantizeDynamic } from '../../../passes/quantize-dynamic/index.js';
import { quantizeWeights } from '../../../passes/quantize-weights/index.js';
import { type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom, packElements } from '../../../src/numeric/index.js';
import type { Pass } from '../../../src/pass/index.js';
import { MemoryTensor } from '../../../src/tensor/index.js';
import { train } from '../../../src/training/index.js';
import { IntegerWeights } from '../../../src/training/weights/integer-weights.js';
import { engine, outputsOf, relativeError, runOnCopy } from '../../fixture-models.js';
import { matrixExamples, matrixFeeds, matrixNetwork, optionsOf } from '../small-models.js';

const inputs = 64;
const environment = { engine, seed: 1, signal: new AbortController().signal, finish: null, progress() {} };
const learning = { learnScales: true, signal: environment.signal };

const network = () => matrixNetwork(inputs, 96);
const examples = () => matrixExamples(inputs);

const feeds = matrixFeeds(inputs);

test.each([
  ['packed in 4 bits', quantizeWeights, { bits: 4, algorithm: 'rtn', compute: 'int8' }],
  ['packed in 4 bits, activations in two parts', quantizeWeights, { bits: 4, compute: 'int8', activations: 'twice' }],
  ['packed in 4 bits, decoded to floats', quantizeWeights, { bits: 4, algorithm: 'rtn', compute: 'float32' }],
  ['in 8 bits', quantizeDynamic, {}],
])('%s', async (_, pass, options) => {
  const teacher = network();
  const { model } = await runOnCopy(teacher, pass as unknown as Pass, options);
  const integers = IntegerWeights.of(model, learning)!;
  const before = await outputsOf(model, feeds);
  expect(relativeError((await outputsOf(integers.model, feeds)).y, before.y)).toBeLessThan(1e-5);
  expect([...integers.model.graph.initializers].filter(({ name }) => integers.rounds(name)).length).toBeGreaterThan(1);

  const training = { student: integers.model, teacher, examples: examples(), form: integers };
  const settings = optionsOf({ batch: 32, epochs: 10, temperature: 1 });
  const { checks } = await train({ ...training, options: settings, rate: 1e-3 }, environment);
  const best = Math.min(...checks.map(({ loss }) => loss));
  expect(best).toBeLessThan(checks[0].loss);
  expect(integers.writeTo(model).size).toBeGreaterThan(0);
  const floats = new Map([...integers.model.graph.initializers].map(({ name, constant }) => [name, constant]));
  for (const value of model.graph.initializers) {
    if (value.name === 'w3') value.constant = floats.get('w3')!;
  }
  await expectLoss(model, best);
});

/** Trained on, the model begins with this loss. */
async function expectLoss(model: Model, loss: number): Promise<void> {
  const form = IntegerWeights.of(model, learning)!;
  const options = optionsOf({ batch: 32, steps: 1, lr: 1e-12, temperature: 1 });
  const request = { student: form.model, teacher: network(), examples: examples(), form, options, rate: 1 };
  expect((await train(request, environment)).checks[0].loss).toBeCloseTo(loss, 6);
}

test('products of integers, packed in 4 bits, are trained through their rounded activations', async () => {
  const model = parseModel(`<ir_version: 10, opset_import: ["": 21]>
    g (float[n,${inputs}] x) => (float[n,5] y)
    <float[1] q = {0}, float[1] m = {0}, int64[2] shape = {${inputs}, 5}, float[5] s = {0.004, 0.005, 0.006, 0.005, 0.004}> {
      xq, xs, xz = DynamicQuantizeLinear (x)
      q8 = Cast <to = 3> (q)
      m8 = Cast <to = 3> (m)
      qm = Mul (q8, m8)
      w8 = Reshape (qm, shape)
      p = MatMulInteger (xq, w8, xz)
      f = Cast <to = 1> (p)
      scale = Mul (xs, s)
      y = Mul (f, scale)
    }`);
  const random = createRandom(2);
  const int4 = (shape: readonly number[]): MemoryTensor => {
    const size = shape.reduce((a, b) => a * b, 1);
    const integers = Int8Array.from({ length: size }, () => random.int(15) - 7 || 3);
    return new MemoryTensor('int4', shape, packElements(integers, 4));
  };
  for (const value of model.graph.initializers) {
    if (value.name === 'q') value.constant = int4([1, 4, 16, 5]);
    if (value.name === 'm') value.constant = int4([1, 4, 1, 5]);
  }
  const integers = IntegerWeights.of(model, learning)!;
  const before = await outputsOf(model, feeds);
  expect(relativeError((await outputsOf(integers.model, feeds)).y, before.y)).toBeLessThan(1e-5);
  const request = { student: integers.model, teacher: network(), examples: examples(), form: integers };
  const options = optionsOf({ batch: 32, epochs: 10, temperature: 1 });
  const { checks } = await train({ ...request, options, rate: 5e-3 }, environment);
  const best = Math.min(...checks.map(({ loss }) => loss));
  expect(best).toBeLessThan(0.8 * checks[0].loss);
  expect([...integers.writeTo(model)].map(({ opType }) => opType)).toContain('MatMulInteger');
  await expectLoss(model, best);
});
