// Quantization-aware training: what was trained is what quantize-weights stores, bit for bit of its integers.
import { expect, test } from 'vitest';
import { quantizeWeights } from '../../passes/quantize-weights/index.js';
import { cloneModel, type Model, parseModel } from '../../src/ir/index.js';
import { createRandom } from '../../src/numeric/index.js';
import type { Pass } from '../../src/pass/index.js';
import { float32Tensor } from '../../src/tensor/index.js';
import { Examples } from '../../src/training/examples.js';
import { train } from '../../src/training/index.js';
import { engine, outputsOf, relativeError, runOnCopy } from '../fixture-models.js';
import { optionsOf } from './small-models.js';

const inputs = 80;

function network(): Model {
  const model = parseModel(`<ir_version: 10, opset_import: ["": 21]>
    g (float[n,${inputs}] x) => (float[n,5] y) <float[1] w1 = {0}, float[1] w2 = {0}, float[1] w3 = {0}> {
      a = MatMul (x, w1)
      b = Tanh (a)
      c = Gemm <transB = 1> (b, w2)
      d = Tanh (c)
      y = MatMul (d, w3)
    }`);
  const random = createRandom(4);
  const shapes: Record<string, readonly number[]> = { w1: [inputs, 64], w2: [72, 64], w3: [72, 5] };
  for (const value of model.graph.initializers) {
    const shape = shapes[value.name];
    const size = shape[0] * shape[1];
    value.constant = float32Tensor(
      shape,
      Float32Array.from({ length: size }, () => random.normal() / 8),
    );
  }
  return model;
}

function examples(): Examples {
  const random = createRandom(6);
  const draw = () => ({
    x: float32Tensor(
      [1, inputs],
      Float32Array.from({ length: inputs }, () => random.normal()),
    ),
  });
  return new Examples(
    Array.from({ length: 160 }, () => ({ feeds: draw(), count: 1, targets: null, continues: false })),
    null,
    0.2,
  );
}

const environment = { engine, seed: 1, signal: new AbortController().signal, finish: null, progress() {} };
const storage = { compute: 'dequantize', algorithm: 'rtn', bits: 4, blockSize: 32 } as const;
const feeds = {
  x: float32Tensor(
    [2, inputs],
    Float32Array.from({ length: 2 * inputs }, (_, i) => Math.sin(i)),
  ),
};

test('4-bit weights are trained as they are stored, and better than rounded ones', async () => {
  const teacher = network();
  const student = cloneModel(teacher);
  const options = optionsOf({ qat: 'int4', qatBlockSize: 32, batch: 32, epochs: 12, temperature: 1 });
  const result = await train({ student, teacher, examples: examples(), options, rate: 2e-3 }, environment);
  expect(result.checks.at(-1)!.loss).toBeLessThan(0.7 * result.checks[0].loss);

  const { model: stored, report } = await runOnCopy(student, quantizeWeights as unknown as Pass, storage);
  expect(report.changed).toHaveLength(2);
  const [trained, decoded] = [await outputsOf(student, feeds), await outputsOf(stored, feeds)];
  expect(relativeError(decoded.y, trained.y)).toBeLessThan(1e-5);
});

test('a student without matrices of that size is refused', async () => {
  const text = `<ir_version: 8, opset_import: ["": 17]> g (float[n,${inputs}] x) => (float[n,1] y) <float[${inputs},1] w = {${new Array(inputs).fill(1)}}> { y = MatMul (x, w) }`;
  const student = parseModel(text);
  const options = optionsOf({ qat: 'int8' });
  await expect(
    train({ student, teacher: parseModel(text), examples: examples(), options, rate: 1e-3 }, environment),
  ).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
});
