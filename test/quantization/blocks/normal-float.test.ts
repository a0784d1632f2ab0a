// NF4 and MatMulBnb4: nearest levels, and what onnxruntime computes from the stored bytes, bit by bit.
import { expect, it } from 'vitest';
import { quantizeWeights } from '../../../passes/quantize-weights/index.js';
import { parseModel } from '../../../src/ir/index.js';
import { createRandom, normalFloatLevels } from '../../../src/numeric/index.js';
import type { Pass } from '../../../src/pass/index.js';
import { quantizeNormalFloat } from '../../../src/quantization/blocks/normal-float.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { engine, runOnCopy } from '../../fixture-models.js';

const random = createRandom(2);
const normal = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());

it('takes the nearest of the 16 levels of each block', () => {
  const values = normal(150);
  values.fill(0, 64, 128);
  const scales = new Float32Array(3);
  const levels = quantizeNormalFloat(values, 64, scales);
  for (const [i, value] of values.entries()) {
    const scale = scales[Math.floor(i / 64)];
    const errors = [...normalFloatLevels].map((level) => Math.abs(level * scale - value));
    expect(errors[levels[i]]).toBeLessThanOrEqual(Math.min(...errors) + 1e-7);
  }
  expect(scales[1]).toBe(0);
  expect(levels[100]).toBe(7);
});

it.each([
  [64, 8, 64],
  [33, 7, 16],
])('MatMulBnb4 of [%i, %i] in blocks of %i computes with the stored weight', async (k, n, blockSize) => {
  for (const transposed of [false, true]) {
    const model = parseModel(`<ir_version: 10, opset_import: ["" : 17]>
test (float[m,${k}] x) => (float[m,${n}] y) <float[1] w = {0}>
{
  h = ${transposed ? 'Gemm <transB = 1> (x, w)' : 'MatMul (x, w)'}
  y = Relu (h)
}`);
    const [weight] = [...model.graph.initializers];
    weight.constant = float32Tensor(transposed ? [n, k] : [k, n], normal(k * n));
    const options = { compute: 'bnb4', blockSize, minimumSize: 1 };
    const { model: made, report } = await runOnCopy(model, quantizeWeights as unknown as Pass, options);
    expect(report.changed).toHaveLength(1);
    const [bytes, scales] = ['_q4', '_scales'].map(
      (ending) => [...made.graph.initializers].find(({ name }) => name.endsWith(ending))!.constant!,
    );
    const identity = float32Tensor(
      [k, k],
      Float32Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0)),
    );
    const session = await engine.open(made);
    const { y } = await session.run({ x: identity });
    await session.close();
    const expected = Float32Array.from({ length: k * n }, (_, index) => {
      const element = (index % n) * k + Math.floor(index / n);
      const level = (bytes.bytes()[element >> 1] >> (element % 2 === 0 ? 4 : 0)) & 15;
      const value = Math.fround(normalFloatLevels[level] * scales.readFloat32()[Math.floor(element / blockSize)]);
      return Math.max(0, value);
    });
    expect(y.readFloat32()).toEqual(expected);
  }
});

it('MatMulNBits takes the place of integers where tokens are computed one by one', async () => {
  const decoder = (cache: string) => {
    const model = parseModel(`<ir_version: 10, opset_import: ["" : 21]>
test (float[1,1,64] x, float[1,2,p,64] ${cache}_key) => (float[1,1,256] y, float[1,2,q,64] ${cache}_key_out) <float[1] w = {0}>
{
  h = MatMul (x, w)
  y = Tanh (h)
  ${cache}_key_out = Concat <axis = 2> (${cache}_key, ${cache}_key)
}`);
    [...model.graph.initializers][0].constant = float32Tensor([64, 256], normal(64 * 256));
    return model;
  };
  const operatorsOf = async (name: string, options = {}) => {
    const { model } = await runOnCopy(decoder(name), quantizeWeights as unknown as Pass, options);
    return [...model.graph.nodes()].map(({ opType }) => opType);
  };
  expect(await operatorsOf('past')).toContain('MatMulNBits');
  expect(await operatorsOf('past', { compute: 'int8' })).toContain('MatMulInteger');
  expect(await operatorsOf('other')).toContain('MatMulInteger');
});
