// Training of products whose weights lie in blocks (MatMulNBits), and of convolutions of integers: the float form says what the kernels say, and what was
// judged is what they say afterwards. Where integers stay, gradients pass through to what is multiplied with them.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { quantizeDynamic } from '../../../passes/quantize-dynamic/index.js';
import { quantizeWeights } from '../../../passes/quantize-weights/index.js';
import { type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import type { Pass } from '../../../src/pass/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { Examples } from '../../../src/training/examples/examples.js';
import { type TrainingOptions, train } from '../../../src/training/index.js';
import { frozenWeights } from '../../../src/training/weights/frozen-weights.js';
import { IntegerWeights } from '../../../src/training/weights/integer-weights.js';
import { TrainedWeights } from '../../../src/training/weights/trained-weights.js';
import { checkGradients } from '../../autodiff/check-gradients.js';
import { engine, outputsOf, relativeError, runOnCopy } from '../../fixture-models.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { matrixExamples, matrixFeeds, matrixNetwork, optionsOf } from '../small-models.js';

const folder = temporaryFolder();
const environment = { engine, seed: 1, signal: new AbortController().signal, finish: null, progress() {} };
const learning = { learnScales: true, signal: environment.signal };
/** Not a whole number of blocks of 32. */
const inputs = 72;

const quantized = async (model: Model, pass: unknown, options: object): Promise<Model> =>
  (await runOnCopy(model, pass as Pass, options as never)).model;

async function lossAfter(model: Model, teacher: Model, examples: Examples): Promise<number> {
  const form = IntegerWeights.of(model, learning)!;
  const options = optionsOf({ batch: 32, steps: 1, lr: 1e-12, temperature: 1 });
  const request = { student: form.model, teacher, examples, form, options, rate: 1 };
  return (await train(request, environment)).checks[0].loss;
}

/** Trains `model` and expects it to get better, and to say afterwards what was judged. */
async function expectTraining(model: Model, teacher: Model, examples: Examples, rate = 1e-3): Promise<void> {
  const integers = IntegerWeights.of(model, learning)!;
  const settings = optionsOf({ batch: 32, epochs: 10, temperature: 1 });
  const request = { student: integers.model, teacher, examples, form: integers, options: settings, rate };
  const { checks } = await train(request, environment);
  const best = Math.min(...checks.map(({ loss }) => loss));
  expect(best).toBeLessThan(checks[0].loss);
  const changed = [...integers.writeTo(model)].map(({ opType }) => opType);
  expect(changed.some((type) => type === 'MatMulNBits' || type === 'ConvInteger')).toBe(true);
  for (const value of model.graph.initializers) {
    const float = [...integers.model.graph.initializers].find(({ name }) => name === value.name);
    if (value.constant?.dataType === 'float32' && float && !integers.rounds(float.name) && !/scale/.test(value.name))
      value.constant = float.constant;
  }
  expect(await lossAfter(model, teacher, examples)).toBeCloseTo(best, 6);
}

test.each([
  ['4 bits', { bits: 4, symmetric: true }],
  ['4 bits with zero points', { bits: 4, symmetric: false }],
  ['8 bits', { bits: 8, symmetric: false }],
  ['2 bits', { bits: 2, symmetric: false }],
])('MatMulNBits of %s', async (_, options) => {
  const teacher = matrixNetwork(inputs, 96);
  const model = await quantized(teacher, quantizeWeights, {
    compute: 'nbits',
    algorithm: 'rtn',
    blockSize: 32,
    ...options,
  });
  expect([...model.graph.nodes()].map(({ opType }) => opType)).toContain('MatMulNBits');
  // Activations in eight bits are the kernel's own.
  for (const node of model.graph.nodes()) node.attributes.delete('accuracy_level');
  const feeds = matrixFeeds(inputs);
  const before = await outputsOf(model, feeds);
  const { model: floats } = IntegerWeights.of(model, learning)!;
  expect([...floats.graph.nodes()].map(({ opType }) => opType)).not.toContain('MatMulNBits');
  expect(relativeError((await outputsOf(floats, feeds)).y, before.y)).toBeLessThan(1e-5);
  await expectTraining(model, teacher, matrixExamples(inputs), options.bits === 8 ? 3e-5 : 1e-3);
});

test.each([
  ['4 bits', { compute: 'nbits', bits: 4 }],
  ['zero points that are floats', { compute: 'nbits', bits: 4, algorithm: 'hqq' }],
  ['normal floats', { compute: 'bnb4', bits: 4 }],
])('gradients pass through blocks of %s', async (_, options) => {
  const model = await quantized(matrixNetwork(64, 96), quantizeWeights, options);
  const { checks, obstacles } = await checkGradients(model, matrixFeeds(64), engine, { sources: ['x'] });
  expect(obstacles).toEqual([]);
  for (const { error } of checks) expect(error).toBeLessThan(0.02);
});

/** A convolution, strided and padded, then a depthwise one. */
function convolutions(): Model {
  const model = parseModel(`<ir_version: 10, opset_import: ["": 17]>
    g (float[n,3,8,8] x) => (float[n,6] y) <float[1] w1 = {0}, float[1] w2 = {0}, float[6] b2 = {0, 1, -1, 2, 0.5, 0}> {
      a = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, w1)
      b = Relu (a)
      c = Conv <pads = [1, 1, 1, 1], group = 6> (b, w2, b2)
      m = ReduceMean <axes = [2, 3], keepdims = 0> (c)
      y = Identity (m)
    }`);
  const random = createRandom(8);
  for (const value of model.graph.initializers) {
    const shape = { w1: [6, 3, 3, 3], w2: [6, 1, 3, 3] }[value.name];
    if (!shape) continue;
    const size = shape.reduce((a, b) => a * b, 1);
    value.constant = float32Tensor(
      shape,
      Float32Array.from({ length: size }, () => random.normal() / 3),
    );
  }
  return model;
}

const image = (seed: number, count = 1) => {
  const random = createRandom(seed);
  return {
    x: float32Tensor(
      [count, 3, 8, 8],
      Float32Array.from({ length: count * 192 }, () => random.normal()),
    ),
  };
};

test('ConvInteger', async () => {
  const teacher = convolutions();
  const model = await quantized(teacher, quantizeDynamic, { compute: 'integer', minimumSize: 1 });
  expect([...model.graph.nodes()].map(({ opType }) => opType)).toContain('ConvInteger');
  const before = await outputsOf(model, image(1));
  const { model: floats } = IntegerWeights.of(model, learning)!;
  expect([...floats.graph.nodes()].map(({ opType }) => opType)).not.toContain('ConvInteger');
  expect(relativeError((await outputsOf(floats, image(1))).y, before.y)).toBeLessThan(1e-5);
  const samples = Array.from({ length: 160 }, (_, i) => ({
    feeds: image(i),
    count: 1,
    targets: null,
    continues: false,
  }));
  // Far enough from the original that eight bits have something to learn.
  for (const value of model.graph.initializers)
    if (value.name === 'b2') value.constant = float32Tensor([6], [1, 0, 0, 1, 1, 1]);
  await expectTraining(model, teacher, new Examples(samples, null, 0.2), 1e-2);
});

test.each(['x', 'b2'])(
  'gradients of products of integers by %s are those of the floats they stand for',
  async (source) => {
    const teacher = convolutions();
    const model = await quantized(teacher, quantizeDynamic, { compute: 'integer', minimumSize: 1 });
    const floats = IntegerWeights.of(model, learning)!.model;
    const gradientOf = async (each: Model) =>
      (await checkGradients(each, image(1, 2), engine, { sources: [source] })).checks[0].gradient;
    const [own, wanted] = [await gradientOf(model), await gradientOf(floats)];
    const [a, b] = [own, wanted].map((gradient) => float32Tensor([gradient.length], gradient));
    expect(relativeError(a, b)).toBeLessThan(1e-5);
    expect(Math.max(...wanted)).toBeGreaterThan(0.1);
  },
);

test('gradients pass through a quantized LSTM', async () => {
  const random = createRandom(3);
  const list = (count: number): string => Array.from({ length: count }, () => (random.normal() / 4).toFixed(4)).join();
  const model = parseModel(`<ir_version: 8, opset_import: ["": 17]>
    g (float[3,2,5] x) => (float[3,1,2,6] y) <float[1,24,5] w = {${list(120)}}, float[1,24,6] r = {${list(144)}}> {
      y, h, c = LSTM <hidden_size = 6> (x, w, r)
    }`);
  const lstm = await quantized(model, quantizeDynamic, { compute: 'integer', minimumSize: 1 });
  expect([...lstm.graph.nodes()].map(({ opType }) => opType)).toContain('DynamicQuantizeLSTM');
  const feeds = {
    x: float32Tensor(
      [3, 2, 5],
      Float32Array.from({ length: 30 }, (_, i) => Math.sin(i)),
    ),
  };
  const gradientOf = async (each: Model) => {
    const { checks, obstacles } = await checkGradients(each, feeds, engine, { sources: ['x'] });
    expect(obstacles).toEqual([]);
    return float32Tensor([30], checks[0].gradient);
  };
  expect(relativeError(await gradientOf(lstm), await gradientOf(model))).toBeLessThan(0.02);
});

test.each([
  ['bnb4', { compute: 'bnb4' }, /levels of normal floats are not trained/],
  ['three bits', { compute: 'int8', bits: 3 }, /form that is not trained/],
])('what stays is told: %s', async (_, options, reason) => {
  const model = await quantized(matrixNetwork(64, 96), quantizeWeights, { bits: 4, algorithm: 'rtn', ...options });
  const student = IntegerWeights.of(model, learning)?.model ?? model;
  const frozen = frozenWeights(student.graph, false);
  expect(frozen.length).toBeGreaterThan(1);
  for (const { reason: told } of frozen) expect(told).toMatch(reason);
});

test('nothing stays where all integers are trained', async () => {
  for (const compute of ['nbits', 'dequantize', 'int8']) {
    const model = await quantized(matrixNetwork(64, 96), quantizeWeights, { compute, bits: 4, algorithm: 'rtn' });
    expect(frozenWeights(IntegerWeights.of(model, learning)!.model.graph, false)).toEqual([]);
  }
});

test('a killed training of integers that oscillate resumes to the same course', async () => {
  const teacher = matrixNetwork(64, 96);
  const given = { compute: 'nbits', bits: 4, algorithm: 'rtn' };
  const course = async (options: Partial<TrainingOptions>, abortAt = 0) => {
    const model = await quantized(teacher, quantizeWeights, given);
    const form = IntegerWeights.of(model, learning)!;
    const controller = new AbortController();
    const progress = (step: number): void => {
      if (step === abortAt) controller.abort();
    };
    const settings = optionsOf({ batch: 32, steps: 24, checkEvery: 6, ...options });
    const request = { student: form.model, teacher, examples: matrixExamples(64), form, options: settings, rate: 2e-2 };
    const { losses } = await train(request, { ...environment, signal: controller.signal, progress });
    form.writeTo(model);
    const integers = [...model.graph.initializers].flatMap(({ constant }) =>
      constant?.dataType === 'uint8' ? [Buffer.from(constant.bytes()).toString('hex')] : [],
    );
    return { losses, integers };
  };
  const checkpoint = join(folder, 'oscillating');
  const whole = await course({});
  await expect(course({ checkpoint }, 20)).rejects.toBeDefined();
  expect(await course({ checkpoint, resume: true })).toEqual(whole);
});

test('what a training keeps of its weights is counted', async () => {
  const model = await quantized(matrixNetwork(64, 96), quantizeWeights, {
    compute: 'nbits',
    bits: 4,
    algorithm: 'rtn',
  });
  const count = (keepIntegers: boolean): number => {
    const form = IntegerWeights.of(model, { ...learning, keepIntegers })!;
    const copies = { averages: 0, moments: 2, checkpoints: false };
    return TrainedWeights.of(form.model, { form }).heldBytes(copies);
  };
  // Two matrices in blocks of 32, of [64, 64] and [96, 64], one of floats, [96, 5]; a scale for each block.
  const [steps, floats] = [64 * 64 + 96 * 64, 96 * 5];
  const scales = steps / 32;
  const moved = floats + scales;
  // Each twice, moments twice, gradients once, decoded weights once; beside steps lie their tracks and means.
  expect(count(true)).toBe(4 * (2 * (steps + moved) + 2 * moved + moved + steps));
  expect(count(false)).toBe(4 * (2 * (3 * steps + moved) + 3 * (steps + moved) + steps));
});
