import { describe, expect, it } from 'vitest';
import { quantizeStatic } from '../../../passes/quantize-static/index.js';
import { runOnCopy } from '../../fixture-models.js';
import { errorOf, fusedOperators, modelOf } from './model-of.js';

const header = '<ir_version: 8, opset_import: ["" : 17]>';
const integers = { edges: 'integer', twoPass: 'off', minimumSize: 1 } as const;

const residualText = (opset: number): string => `<ir_version: 8, opset_import: ["" : ${opset}]>
graph (float[1,3,16,16] x, float[8,3,3,3] w1, float[8] b1, float[8,8,3,3] w2, float[8] b2, float[8,8,3,3] w3, float[8] b3, float[8,8,1,1] w4)
  => (float[1,8,1,1] y) {
  [c1] h1 = Conv <pads = [1, 1, 1, 1]> (x, w1, b1)
  [r1] h2 = Relu (h1)
  [c2] h3 = Conv <pads = [1, 1, 1, 1]> (h2, w2, b2)
  [l] h4 = LeakyRelu <alpha = 0.1> (h3)
  [c3] h5 = Conv <pads = [1, 1, 1, 1]> (h4, w3, b3)
  [a] h6 = Add (h5, h2)
  [r2] h7 = Relu (h6)
  [m] h8 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (h7)
  [c4] h9 = Conv (h8, w4)
  [g] y = GlobalAveragePool (h9)
}`;

describe('convolutions', () => {
  it.each([17, 12])('become integer kernels, and what lies between them, at opset %i', async (opset) => {
    const original = modelOf(residualText(opset));
    const { model, report } = await runOnCopy(original, quantizeStatic, integers);
    const operators = await fusedOperators(model);
    const kernels = ['QLinearConv', 'QLinearLeakyRelu', 'QLinearConv', 'QLinearAdd', 'MaxPool', 'QLinearConv'];
    expect(operators.filter((name) => name.startsWith('QLinear') || name === 'MaxPool')).toEqual([
      'QLinearConv',
      ...kernels,
    ]);
    expect(operators).not.toContain('Relu');
    expect(operators.at(-1)).toBe('GlobalAveragePool');
    expect(report.metrics.unfusedNodes).toBe(0);
    expect(await errorOf(original, model)).toBeLessThan(0.05);
  });

  it('lets MaxPool and what follows take the range of its input, and Relu end at zero', async () => {
    const { model } = await runOnCopy(modelOf(residualText(17)), quantizeStatic, integers);
    const pairs = [...model.graph.nodes()].filter((node) => node.is('QuantizeLinear'));
    const behind = (name: string) => pairs.find((node) => node.input(0)?.producer?.name === name)!.inputs.slice(1);
    expect(behind('m')).toEqual(behind('a'));
    expect(behind('a')[1]!.constant!.readNumbers()).toEqual([0]);
    for (const pair of pairs)
      for (const constant of pair.inputs.slice(1)) expect(constant!.constant!.shape).toEqual([]);
  });

  it('keep additions in float on request', async () => {
    const original = modelOf(`${header}
graph (float[1,8,8,8] x, float[8,8,3,3] w1, float[8,8,3,3] w2, float[8,8,3,3] w3) => (float[1,8,1,1] y) {
  [c1] h1 = Conv <pads = [1, 1, 1, 1]> (x, w1)
  [a1] h2 = Add (h1, x)
  [c2] h3 = Conv <pads = [1, 1, 1, 1]> (h2, w2)
  [a2] h4 = Add (h3, h2)
  [c3] h5 = Conv <pads = [1, 1, 1, 1]> (h4, w3)
  [a3] h6 = Add (h5, h4)
  [g] y = GlobalAveragePool (h6)
}`);
    const count = async (residual: string): Promise<number> => {
      const { model } = await runOnCopy(original, quantizeStatic, { ...integers, residual });
      return (await fusedOperators(model)).filter((name) => name === 'QLinearAdd').length;
    };
    expect(await count('integer')).toBe(2);
    expect(await count('float')).toBe(0);
  });

  it('stay exact where the bias is large and the weights are tiny or zero', async () => {
    const original = modelOf(
      `${header}
graph (float[1,4,6,6] x, float[4,4,3,3] w1, float[4] b1, float[4,4,1,1] w2, float[4] b2) => (float[1,4,4,4] y) {
  [c1] h = Conv (x, w1, b1)
  [c2] y = Conv (h, w2, b2)
}`,
      { w1: 1e-12, b1: 3, w2: 0, b2: 2 },
    );
    const { model } = await runOnCopy(original, quantizeStatic, integers);
    expect(await errorOf(original, model)).toBeLessThan(0.01);
  });

  it('leave the first and the last in float where they do little and outputs gain by it', async () => {
    // Eighth powers: on one grid of eight bits a few large ones leave nothing of the others, which Tanh makes as important.
    const original = modelOf(`${header}
graph (float[4,1,16,16] x, float[8,1,1,1] w1, float[32,8,3,3] w2, float[64,32,3,3] w3, float[1,64,1,1] w4) => (float[4,1,12,12] y) {
  [s] s = Mul (x, x)
  [p] p = Mul (s, s)
  [q] q = Mul (p, p)
  [first] h1 = Conv (q, w1)
  [t] t = Tanh (h1)
  [c2] h2 = Conv (t, w2)
  [c3] h3 = Conv (h2, w3)
  [last] y = Conv (h3, w4)
}`);
    const { report } = await runOnCopy(original, quantizeStatic, { minimumSize: 1, slowKernels: 'integer' });
    expect(report.skipped.map(({ target, reason }) => [target, reason.split(',')[0]])).toEqual([
      ['first', 'it is a first operator and stays float'],
      ['last', 'it is a last operator and stays float'],
    ]);
    const kept = report.techniques!.filter(({ technique }) => technique.endsWith('operators in float'));
    expect(kept.map(({ technique }) => technique)).toEqual(['first operators in float', 'last operators in float']);
    for (const { kept: isKept, before, after } of kept) {
      expect(isKept).toBe(true);
      expect(after).toBeLessThan(before);
    }
  });
});

describe('matrix products', () => {
  const matrices = modelOf(`${header}
graph (float[4,128] x, float[128,96] w1, float[96] b1, float[96,128] w2, float[128,64] w3, float[64] b3) => (float[4,64] y) {
  [p] p = MatMul (x, w1)
  [a] h1 = Add (p, b1)
  [t] h2 = Tanh (h1)
  [q] h3 = MatMul (h2, w2)
  [u] h4 = Tanh (h3)
  [g] y = Gemm (h4, w3, b3)
}`);

  it('have float results, and the bias of two-axis ones within an integer Gemm', async () => {
    const { model, report } = await runOnCopy(matrices, quantizeStatic, integers);
    const operators = await fusedOperators(model);
    expect(operators.filter((name) => name.includes('Gemm') || name.includes('MatMul'))).toEqual([
      'QGemm',
      'MatMulIntegerToFloat',
      'QGemm',
    ]);
    expect(report.metrics.unfusedNodes).toBe(0);
    expect(await errorOf(matrices, model)).toBeLessThan(0.05);
  });

  it('are computed twice where eight bits are too few for the input', async () => {
    const original = modelOf(`${header}
graph (float[4,128] x, float[128,96] w1, float[96,96] w2, float[96,96] w3, float[96,96] w4) => (float[4,96] y) {
  [t0] h0 = Tanh (x)
  [a] h1 = MatMul (h0, w1)
  [t1] h2 = Tanh (h1)
  [b] h3 = MatMul (h2, w2)
  [t2] h4 = Tanh (h3)
  [c] h5 = MatMul (h4, w3)
  [s] h6 = Mul (h5, h5)
  [p] h7 = Mul (h6, h6)
  [q] h8 = Mul (h7, h7)
  [d] y = MatMul (h8, w4)
}`);
    const run = async (twoPass: string) => {
      const { model, report } = await runOnCopy(original, quantizeStatic, { ...integers, twoPass, maxOutputError: 0 });
      const twice = report.changed.filter(({ what }) => what.includes('two passes')).map(({ target }) => target);
      return { twice, error: await errorOf(original, model), unfused: report.metrics.unfusedNodes };
    };
    const once = await run('off');
    const outliers = await run('outliers');
    expect(once.twice).toEqual([]);
    expect(outliers.twice).toEqual(['d']);
    expect(outliers.unfused).toBe(0);
    expect(outliers.error).toBeLessThan(once.error);
  });

  it('of activations stay float', async () => {
    const { report } = await runOnCopy(
      modelOf(`${header}
graph (float[2,8,64] x, float[64,128] w1) => (float[2,8,128] y) {
  [t] t = Transpose <perm = [0, 2, 1]> (x)
  [scores] s = MatMul (x, t)
  [sum] z = MatMul (s, x)
  [linear] y = MatMul (z, w1)
}`),
      quantizeStatic,
    );
    expect(report.skipped.map(({ target }) => target)).toEqual(['scores', 'sum']);
    expect(report.changed.map(({ target }) => target)).toEqual(['linear']);
  });

  it('are not quantized twice', async () => {
    const { model } = await runOnCopy(matrices, quantizeStatic, integers);
    const { report } = await runOnCopy(model, quantizeStatic, integers);
    expect(report.edited).toBe(false);
    expect(new Set(report.skipped.map(({ reason }) => reason))).toEqual(new Set(['already quantized']));
  });
});

it('leaves weights alone that hold NaN', async () => {
  const { report } = await runOnCopy(
    modelOf(
      `${header}
graph (float[1,4,6,6] x, float[4,4,3,3] w1) => (float[1,4,4,4] y) {
  [c1] y = Conv (x, w1)
}`,
      { w1: Number.NaN },
    ),
    quantizeStatic,
    integers,
  );
  expect(report.skipped).toEqual([{ target: 'c1', reason: 'element 0 of its weight is not a finite number' }]);
});

it('leaves room for 16-bit sums of two products with weights of 7 bits', async () => {
  const original = modelOf(`${header}
graph (float[4,128] x, float[128,96] w1, float[96,96] w2) => (float[4,96] y) {
  [a] h = MatMul (x, w1)
  [t] u = Tanh (h)
  [b] y = MatMul (u, w2)
}`);
  const options = { ...integers, reduceRange: 'on' };
  const models = [
    (await runOnCopy(original, quantizeStatic, options)).model,
    (await runOnCopy(modelOf(residualText(17)), quantizeStatic, options)).model,
  ];
  for (const { graph } of models) {
    for (const { constant } of graph.initializers) {
      if (constant!.dataType !== 'int8' || constant!.shape.length < 2) continue;
      const largest = Math.max(...constant!.readNumbers().map(Math.abs));
      expect(largest).toBeGreaterThan(32);
      expect(2 * 255 * largest).toBeLessThan(2 ** 15);
    }
  }
  expect(await errorOf(original, models[0])).toBeLessThan(0.05);
});
