import { describe, expect, it } from 'vitest';
import { adaround } from '../../../passes/adaround/index.js';
import { quantizeStatic } from '../../../passes/quantize-static/index.js';
import { optimizeModel } from '../../../src/engine/index.js';
import { type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { encodeToBytes } from '../../../src/onnx/index.js';
import { float32Tensor, sizeOf } from '../../../src/tensor/index.js';
import { feedsFor, outputsOf, relativeError, runOnCopy } from '../../fixture-models.js';

/** A residual block between convolutions, and a matrix product with a bias behind it. */
function residualModel(): Model {
  const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
graph (float[1,3,12,12] x, float[16,3,3,3] w1, float[16] b1, float[16,16,3,3] w2, float[16] b2, float[16,16,3,3] w3, float[128,16] w4, float[96,128] w5, float[96] b5)
  => (float[1,96] y) {
  [c1] h1 = Conv <pads = [1, 1, 1, 1]> (x, w1, b1)
  [r1] h2 = Relu (h1)
  [c2] h3 = Conv <pads = [1, 1, 1, 1]> (h2, w2, b2)
  [r2] h4 = Relu (h3)
  [c3] h5 = Conv <pads = [1, 1, 1, 1]> (h4, w3)
  [a] h6 = Add (h5, h2)
  [r3] h7 = Relu (h6)
  [g] h8 = GlobalAveragePool (h7)
  [f] h9 = Flatten (h8)
  [m] h10 = Gemm <transB = 1> (h9, w4)
  [t] h11 = Tanh (h10)
  [n] y = Gemm <transB = 1> (h11, w5, b5)
}`);
  for (const value of model.graph.inputs.filter(({ name }) => /^[wb]\d/.test(name))) {
    if (value.type?.kind !== 'tensor') throw new TypeError(value.name);
    const shape = value.type.shape!.map(Number);
    const random = createRandom(5).fork(value.name);
    const deviation = value.name.startsWith('w') ? Math.sqrt(2 / (sizeOf(shape) / shape[0])) : 0.1;
    const values = Float32Array.from({ length: sizeOf(shape) }, () => random.normal() * deviation);
    value.replaceAllUsesWith(model.graph.addInitializer(`${value.name}_values`, float32Tensor(shape, values)));
    model.graph.removeInput(value);
  }
  return model;
}

const original = residualModel();

async function errorOf(model: Model): Promise<number> {
  const feeds = feedsFor(original, 9);
  return relativeError((await outputsOf(model, feeds)).y, (await outputsOf(original, feeds)).y);
}

const typesOf = ({ graph }: Model): Map<string, string> =>
  new Map([...graph.initializers].map(({ name, constant }) => [name, constant!.dataType]));

describe('adaround', () => {
  it('stores four bits, restored when the model is loaded', async () => {
    const { model, report } = await runOnCopy(original, adaround);
    expect(model.opset).toBe(21);
    expect(report.changed.map(({ target }) => target)).toEqual(['c2', 'c3', 'm', 'n']);
    expect(report.skipped).toEqual([{ target: 'c1', reason: 'its weight has only 432 elements' }]);
    expect([...typesOf(model).values()].filter((type) => type === 'int4')).toHaveLength(4);
    expect(encodeToBytes(model).length).toBeLessThan(0.4 * encodeToBytes(original).length);
    expect(await errorOf(model)).toBeLessThan(0.2);
    const optimized = await optimizeModel(model);
    expect([...optimized.graph.nodes()].filter((node) => node.is('Cast', 'Mul'))).toEqual([]);
  });

  it('fits better than rounding to the nearest, by eight bits better than by four', async () => {
    const errors: number[] = [];
    for (const bits of [4, 8]) errors.push(await errorOf((await runOnCopy(original, adaround, { bits })).model));
    expect(errors[1]).toBeLessThan(0.2 * errors[0]);
    const { report } = await runOnCopy(original, adaround);
    expect(report.metrics.meanErrorLeft).toBeLessThan(0.8);
  });

  it('leaves its integers to quantize-static, which computes with them', async () => {
    const { model: rounded } = await runOnCopy(original, adaround, { include: ['c2', 'c3', 'n'] });
    const options = { edges: 'integer', minimumSize: 1, exclude: ['c1', 'm'] };
    const { model, report } = await runOnCopy(rounded, quantizeStatic, options);
    const integers = (of: Model) =>
      [...of.graph.initializers].flatMap(({ constant }) =>
        constant!.dataType === 'int4' ? [constant!.readNumbers()] : [],
      );
    expect(integers(model)).toEqual(integers(rounded));
    expect(report.metrics.unfusedNodes).toBe(0);
    const kernels = [...(await optimizeModel(model)).graph.nodes()].map(({ opType }) => opType);
    expect(kernels.filter((name) => name === 'QLinearConv' || name === 'QGemm')).toEqual([
      'QLinearConv',
      'QLinearConv',
      'QGemm',
    ]);
    expect(await errorOf(model)).toBeLessThan(0.25);
  });

  it('gets what quantize-static did not quantize back as it was', async () => {
    const { model: rounded } = await runOnCopy(original, adaround, { include: ['c2'] });
    const { model } = await runOnCopy(rounded, quantizeStatic, {
      operators: ['Gemm'],
      edges: 'integer',
      minimumSize: 1,
      include: ['n'],
    });
    const c2 = [...model.graph.nodes()].find(({ name }) => name === 'c2')!;
    expect(c2.input(1)!.producer!.opType).toBe('Mul');
  });
});

describe('quantize-static with four bits', () => {
  it('stores int4 and computes int8', async () => {
    const options = { bits: 4, edges: 'integer', minimumSize: 1 };
    const { model, report } = await runOnCopy(original, quantizeStatic, options);
    const types = [...typesOf(model).values()];
    // Three convolutions and the integers and multipliers of one matrix; what makes the scores keeps eight bits.
    expect(types.filter((type) => type === 'int4')).toHaveLength(3);
    expect(report.metrics.unfusedNodes).toBe(0);
    const kernels = [...(await optimizeModel(model)).graph.nodes()].map(({ opType }) => opType);
    expect(kernels.filter((name) => name === 'QLinearConv')).toHaveLength(3);
    expect(await errorOf(model)).toBeLessThan(0.25);
  });

  it('refuses bits that the type does not have', async () => {
    await expect(runOnCopy(original, quantizeStatic, { bits: 8, weightType: 'int4' })).rejects.toThrow(/8 bits/);
  });
});
