// Training a quantized model: it starts from the very numbers that its integers stand for, and what was judged is what its integers say afterwards.
import { expect, test } from 'vitest';
import { type Model, parseModel } from '../../../src/ir/index.js';
import { packElements } from '../../../src/numeric/index.js';
import { float32Tensor, MemoryTensor } from '../../../src/tensor/index.js';
import { Examples } from '../../../src/training/examples/examples.js';
import { train } from '../../../src/training/index.js';
import { IntegerWeights } from '../../../src/training/weights/integer-weights.js';
import { engine, outputsOf, relativeError } from '../../fixture-models.js';
import { inputs, network, optionsOf } from '../small-models.js';

const environment = { engine, seed: 1, signal: new AbortController().signal, finish: null, progress() {} };
const learning = { learnScales: true, signal: environment.signal };

/** The network of these tests with its first matrix in 4 bits (one scale a column, through a Cast), its second in blocks of 3, activations in 8 bits. */
function quantized(): Model {
  const model = parseModel(`<ir_version: 10, opset_import: ["": 21]>
    g (float[n,4] x) => (float[n,3] y)
    <float[1] q1 = {0}, float[6] s1 = {0.3, 0.3, 0.3, 0.3, 0.3, 0.3}, int32[6] b = {3, -2, 1, 0, 2, -1}, float sb = {0.25},
     float[1] q2 = {0}, float[2,3] s2 = {0.4, 0.4, 0.4, 0.4, 0.4, 0.4}, float sa = {0.008}, uint8 za = {128}> {
      c1 = Cast <to = 3> (q1)
      w1 = DequantizeLinear <axis = 1> (c1, s1)
      b1 = DequantizeLinear (b, sb)
      h = Gemm (x, w1, b1)
      t = Tanh (h)
      tq = QuantizeLinear (t, sa, za)
      a = DequantizeLinear (tq, sa, za)
      w2 = DequantizeLinear <axis = 0, block_size = 3> (q2, s2)
      y = MatMul (a, w2)
    }`);
  const floats = new Map(
    [...network(1).graph.initializers].map(({ name, constant }) => [name, constant!.readFloat32()]),
  );
  const round = (values: Float32Array, scale: number): Int8Array =>
    Int8Array.from(values, (value) => Math.max(-8, Math.min(7, Math.round(value / scale))));
  for (const value of model.graph.initializers) {
    if (value.name === 'q1')
      value.constant = new MemoryTensor('int4', [4, 6], packElements(round(floats.get('w1')!, 0.3), 4));
    if (value.name === 'q2') value.constant = new MemoryTensor('int8', [6, 3], round(floats.get('w2')!, 0.4));
  }
  return model;
}

async function examples(): Promise<Examples> {
  const samples = [];
  for await (const feeds of inputs(160)) samples.push({ feeds, count: 1, targets: null, continues: false });
  return new Examples(samples, null, 0.2);
}

const feeds = {
  x: float32Tensor(
    [8, 4],
    Float32Array.from({ length: 32 }, (_, i) => Math.sin(i)),
  ),
};

test('floats take the place of integers without any change', async () => {
  const model = quantized();
  const integers = IntegerWeights.of(model, learning)!;
  expect([...integers.model.graph.initializers].filter(({ name }) => name.startsWith('training/'))).toHaveLength(3);
  const [own, floats] = [await outputsOf(model, feeds), await outputsOf(integers.model, feeds)];
  expect(relativeError(floats.y, own.y)).toBeLessThan(1e-6);
  expect(integers.writeTo(model).size).toBe(0);
});

test('integers are trained: the held-out loss falls, and is what the written integers have', async () => {
  const model = quantized();
  const step = async (options: Parameters<typeof optionsOf>[0]) => {
    const integers = IntegerWeights.of(model, learning)!;
    const given = { batch: 16, temperature: 1, ...options };
    const request = { student: integers.model, teacher: network(1), examples: await examples(), form: integers };
    const result = await train({ ...request, options: optionsOf(given), rate: 0.02 }, environment);
    return { result, changed: integers.writeTo(model) };
  };
  const { result, changed } = await step({ epochs: 12 });
  const best = Math.min(...result.checks.map(({ loss }) => loss));
  expect(best).toBeLessThan(0.8 * result.checks[0].loss);
  expect(new Set([...changed].map(({ opType }) => opType))).toEqual(new Set(['Gemm', 'MatMul', 'QuantizeLinear']));
  const again = await step({ steps: 1, lr: 1e-12 });
  expect(again.result.checks[0].loss).toBeCloseTo(best, 7);
  const types = [...model.graph.initializers].map(({ constant }) => constant!.dataType);
  expect(types.filter((type) => type === 'int4' || type === 'int32' || type === 'int8').sort()).toEqual([
    'int32',
    'int4',
    'int8',
  ]);
  expect((await outputsOf(model, feeds)).y.shape).toEqual([8, 3]);
});

test('a float model has none', () => {
  expect(IntegerWeights.of(network(1), learning)).toBeNull();
});

/** A quantized input, a matrix in 4 bits with a scale a column, and a bias in steps of the product of both scales. */
function withBias(): Model {
  const model = parseModel(`<ir_version: 10, opset_import: ["": 21]>
    g (float[n,4] x) => (float[n,3] y)
    <float[1] q = {0}, float[3] s = {0.2, 0.3, 0.4}, float sx = {0.02}, uint8 z = {128}, int32[3] b = {50, -20, 10}, float[3] sb = {0.004, 0.006, 0.008}> {
      xq = QuantizeLinear (x, sx, z)
      xd = DequantizeLinear (xq, sx, z)
      w = DequantizeLinear <axis = 1> (q, s)
      c = DequantizeLinear <axis = 0> (b, sb)
      y = Gemm (xd, w, c)
    }`);
  const integers = Int8Array.from([3, -2, 7, 1, 0, -5, -8, 4, 2, 6, -1, 5]);
  for (const value of model.graph.initializers) {
    if (value.name === 'q') value.constant = new MemoryTensor('int4', [4, 3], packElements(integers, 4));
  }
  return model;
}

test('gradients reach steps and scales: by hand', () => {
  const integers = IntegerWeights.of(withBias(), learning)!;
  const name = 'training/w';
  const [weight] = [...integers.model.graph.initializers].filter((value) => value.name === name);
  const variables = new Map(integers.variables(name, weight.constant!.readFloat32())!);
  expect([...variables.keys()].sort()).toEqual([name, `${name}/means`, `${name}/scale`, `${name}/tracks`]);
  expect([...integers.weight(name, variables)].map((value) => value.toFixed(3))).toEqual(
    [0.6, -0.6, 2.8, 0.2, 0, -2, -1.6, 1.2, 0.8, 1.2, -0.3, 2].map((value) => value.toFixed(3)),
  );
  const gradients = new Map([[name, Float32Array.from({ length: 12 }, (_, i) => i + 1)]]);
  integers.pull(gradients, variables);
  // Ten times Σ over a column of gradient · integer · scale: its first is 1·3 + 4·1 + 7·(−8) + 10·6, times 0.2.
  const expected = [0.2 * (3 + 4 - 56 + 60), 0.3 * (-4 + 0 + 32 - 11), 0.4 * (21 - 30 + 18 + 60)].map(
    (slope) => 10 * slope,
  );
  expect([...gradients.get(`${name}/scale`)!].map((value) => value.toFixed(4))).toEqual(
    expected.map((value) => value.toFixed(4)),
  );
  expect(gradients.get(name)![1]).toBeCloseTo(2 * 0.3 * 20, 4);
});

test('integers that are kept stay, and scales alone lower the held-out loss', async () => {
  const model = quantized();
  const stored = (): string[] =>
    [...model.graph.initializers].flatMap(({ name, constant }) =>
      /^q\d$/.test(name) ? [Buffer.from(constant!.bytes()).toString('hex')] : [],
    );
  const before = stored();
  const integers = IntegerWeights.of(model, { ...learning, keepIntegers: true })!;
  const request = { student: integers.model, teacher: network(1), examples: await examples(), form: integers };
  const options = optionsOf({ batch: 16, epochs: 12, temperature: 1 });
  const { checks } = await train({ ...request, options, rate: 0.02 }, environment);
  expect(Math.min(...checks.map(({ loss }) => loss))).toBeLessThan(0.9 * checks[0].loss);
  integers.writeTo(model);
  expect(stored()).toEqual(before);
  const scales = new Map([...model.graph.initializers].map(({ name, constant }) => [name, constant!]));
  expect([...scales.get('s2')!.readFloat32()].some((scale) => Math.abs(scale - 0.4) > 1e-4)).toBe(true);
});

test('learned scales are written back, and the scale of a bias follows them', async () => {
  const model = withBias();
  const teacher = parseModel(`<ir_version: 10, opset_import: ["": 21]>
    g (float[n,4] x) => (float[n,3] y)
    <float[4,3] w = {0.5, -0.5, 2.4, 0.3, 0.1, -1.7, -1.9, 1.0, 0.6, 1.3, -0.2, 1.9}, float[3] b = {0.1, -0.2, 0.3}> { y = Gemm (x, w, b) }`);
  const integers = IntegerWeights.of(model, learning)!;
  const request = { student: integers.model, teacher, examples: await examples(), form: integers };
  const options = optionsOf({ batch: 16, epochs: 10, temperature: 1 });
  const { checks } = await train({ ...request, options, rate: 0.02 }, environment);
  expect(Math.min(...checks.map(({ loss }) => loss))).toBeLessThan(0.5 * checks[0].loss);
  integers.writeTo(model);
  const floats = new Map([...model.graph.initializers].map(({ name, constant }) => [name, constant!]));
  const read = (name: string): number[] => [...floats.get(name)!.readFloat32()];
  expect(read('sx')[0]).not.toBeCloseTo(0.02, 4);
  read('sb').forEach((scale, i) => {
    expect(scale / (read('sx')[0] * read('s')[i])).toBeCloseTo(1, 5);
  });
  const again = IntegerWeights.of(model, learning)!;
  const outputs = await outputsOf(model, feeds);
  expect(relativeError((await outputsOf(again.model, feeds)).y, outputs.y)).toBeLessThan(1e-6);
});

test('observed ranges stay', async () => {
  const model = withBias();
  const integers = IntegerWeights.of(model, { ...learning, learnScales: false })!;
  expect(integers.more.size).toBe(0);
  expect([...integers.variables('training/w', new Float32Array(12))!.keys()]).not.toContain('training/w/scale');
});

test('decoded constants that are no parameters stay', async () => {
  const text = (factor: string) => `<ir_version: 10, opset_import: ["": 21]>
    g (float[n,4] x) => (float[n,3] y)
    <int8[4,3] q = {3, -2, 7, 1, 0, -5, -8, 4, 2, 6, -1, 5}, float s = {0.1}, int8 f = {5}, float sf = {${factor}}> {
      w = DequantizeLinear (q, s)
      c = DequantizeLinear (f, sf)
      h = MatMul (x, w)
      y = Mul (h, c)
    }`;
  const model = parseModel(text('0.2'));
  const integers = IntegerWeights.of(model, learning)!;
  const request = { student: integers.model, teacher: parseModel(text('0.3')), examples: await examples() };
  await train({ ...request, form: integers, options: optionsOf({ batch: 16, steps: 5 }), rate: 0.02 }, environment);
  expect([...integers.writeTo(model)].map(({ opType }) => opType)).toEqual(['MatMul']);
});
