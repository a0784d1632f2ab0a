// Convolutions with weights in few bits: what is decoded, by hand and by onnxruntime, and what data is good for.
import { expect, it } from 'vitest';
import { quantizeWeights } from '../../../passes/quantize-weights/index.js';
import type { Feeds } from '../../../src/engine/index.js';
import { cloneModel, type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom, unpackSigned } from '../../../src/numeric/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { type Pass, runPass } from '../../../src/pass/index.js';
import { packedMultipliers, packWeight } from '../../../src/quantization/packed/pack-weight.js';
import { readIntegers } from '../../../src/quantization/packed/packed-tables.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { engine, runOnCopy } from '../../fixture-models.js';
import { optimizedOperators } from '../../optimized-graph.js';
import { temporaryFolder } from '../../temporary-folder.js';

const folder = temporaryFolder();
const pass = quantizeWeights as unknown as Pass;
const random = createRandom(5);
const normal = (length: number, scale = 1): Float32Array =>
  Float32Array.from({ length }, () => scale * random.normal());

function modelOf(): Model {
  const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
test (float[b,12,8,8] x) => (float[b,24,4,4] y) <float[1] w = {0}, float[1] v = {0}>
{
  h = Conv <pads = [1, 1, 1, 1]> (x, w)
  r = Relu (h)
  y = Conv <pads = [1, 1, 1, 1], strides = [2, 2], group = 2> (r, v)
}`);
  const [w, v] = model.graph.initializers;
  w.constant = float32Tensor([20, 12, 3, 3], normal(2160, 0.1));
  v.constant = float32Tensor([24, 10, 3, 3], normal(2160, 0.1));
  return model;
}

async function outputOf(model: Model, feeds: Feeds): Promise<Float32Array> {
  const session = await engine.open(model);
  const { y } = await session.run(feeds);
  await session.close();
  return y.readFloat32();
}

async function noise(model: Model, other: Model, feeds: Feeds): Promise<number> {
  const [a, b] = [await outputOf(model, feeds), await outputOf(other, feeds)];
  const squares = (values: Float32Array): number => values.reduce((sum, x) => sum + x * x, 0);
  return Math.sqrt(squares(a.map((x, i) => x - b[i])) / squares(a));
}

const operators = ['MatMul', 'Gemm', 'Gather', 'Conv'];
const feeds = { x: float32Tensor([2, 12, 8, 8], normal(1536)) };

it.each([4, 3, 2, 1.6] as const)('decodes %d bits when the model is loaded', async (bits) => {
  const original = modelOf();
  const { model, report } = await runOnCopy(original, pass, { bits, operators, minimumSize: 1, blockSize: 16 });
  expect(report.changed.map(({ what }) => what)).toEqual(Array(2).fill(`weight of ${bits} bits, computed in float`));
  const expected = cloneModel(original);
  for (const value of [...expected.graph.initializers]) {
    const tensor = value.constant!;
    const [outer, inputs] = tensor.shape;
    // The largest divisors of 108 and 90 up to 16.
    const blockSize = inputs === 12 ? 12 : 15;
    const layout = { outer, k: 9 * inputs, inner: 1, blockSize };
    const found = await packWeight(tensor, layout, { bits, search: 'mse-clip' }, inlineWorkers);
    if (typeof found === 'string') throw new TypeError(found);
    const q = readIntegers(tensor, layout, found);
    const m = unpackSigned(packedMultipliers(tensor, layout, found), 4, q.length / blockSize);
    const decoded = Float32Array.from(q, (integer, i) =>
      Math.fround(integer * m[Math.floor(i / blockSize)] * found.scale[Math.floor(i / layout.k)]),
    );
    value.constant = float32Tensor(tensor.shape, decoded);
  }
  expect(await outputOf(model, feeds)).toEqual(await outputOf(expected, feeds));
  const left = [...(await optimizedOperators(model, folder)).keys()].filter(
    (operator) => !/Conv|Reorder|Relu/.test(operator),
  );
  expect(left).toEqual([]);
});

it('stores blocks for DequantizeLinear', async () => {
  const original = modelOf();
  const options = { compute: 'dequantize', operators, minimumSize: 1 };
  const { model } = await runOnCopy(original, pass, options);
  expect([...model.graph.nodes()].map(({ opType }) => opType)).toEqual([
    ...['DequantizeLinear', 'Reshape', 'DequantizeLinear', 'Reshape', 'Conv', 'Relu', 'Conv'],
  ]);
  expect(await noise(original, model, feeds)).toBeLessThan(0.2);
});

it('makes up for errors of rounding with data, by patches', async () => {
  const original = modelOf();
  const mixture = normal(3 * 12);
  /** Twelve channels that are mixtures of three smooth ones. */
  const sample = (): Feeds => {
    const waves = Array.from({ length: 3 }, () => [random.normal(), random.normal(), random.normal()]);
    const x = Float32Array.from({ length: 768 }, (_, at) => {
      const [channel, row, column] = [Math.floor(at / 64), Math.floor((at % 64) / 8), at % 8];
      const value = waves.reduce(
        (sum, [a, b, c], i) => sum + mixture[3 * channel + i] * Math.sin(a * row + b * column + c),
        0,
      );
      return value + 0.05 * random.normal();
    });
    return { x: float32Tensor([1, 12, 8, 8], x) };
  };
  const samples = Array.from({ length: 16 }, sample);
  const unseen = sample();
  const noiseOf = async (options: Readonly<Record<string, unknown>>): Promise<number> => {
    const copy = cloneModel(original);
    const { signal } = new AbortController();
    const stream = {
      async *[Symbol.asyncIterator]() {
        yield* samples;
      },
    };
    const environment = { original, engine, workers: inlineWorkers, samples: stream, signal, seed: 0 };
    const given = { bits: 3, operators, minimumSize: 1, exclude: ['y'], ...options };
    const { changed } = await runPass(copy, pass, given, environment);
    expect(changed).toHaveLength(1);
    return noise(original, copy, unseen);
  };
  const nearest = await noiseOf({ algorithm: 'mse-clip' });
  expect(await noiseOf({ algorithm: 'gptq' })).toBeLessThan(0.6 * nearest);
  expect(await noiseOf({ algorithm: 'gptq', sequential: false })).toBeLessThan(0.6 * nearest);
  expect(await noiseOf({})).toBeLessThan(0.7 * nearest);
  expect(await noiseOf({ algorithm: 'awq' })).toBeLessThan(nearest);
});
