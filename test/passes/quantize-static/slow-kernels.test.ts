// What onnxruntime computes faster in float stays so: convolutions that its integer kernels are slow for, activations in one node, and what it would
// otherwise make integers of by itself.
import { describe, expect, it } from 'vitest';
import { quantizeStatic } from '../../../passes/quantize-static/index.js';
import { whySlowerAsIntegers } from '../../../passes/quantize-static/plan/slow-integers.js';
import { linearOperator } from '../../../src/analysis/index.js';
import type { Model } from '../../../src/ir/index.js';
import { parseTarget } from '../../../src/quantization/index.js';
import { runOnCopy } from '../../fixture-models.js';
import { errorOf, fusedOperators, modelOf } from './model-of.js';

const header = '<ir_version: 8, opset_import: ["" : 17]>';
const small = { minimumSize: 1, maxOutputError: 0, twoPass: 'off' } as const;

function convolution(channels: number, outputs: number, groups: number, side: number): Model {
  return modelOf(`${header}
graph (float[1,${channels},16,16] x, float[${outputs},${channels / groups},${side},${side}] w1) => (float[1,${outputs},m,n] y) {
  y = Conv <group = ${groups}> (x, w1)
}`);
}

describe('integer kernels are slower than float', () => {
  it.each([
    ['for the first operator, of three channels', 3, 16, 1, 3, 'kernels of 27 weights'],
    ['for two outputs of each channel', 16, 32, 16, 3, '16 small groups'],
    ['for groups of four channels', 16, 16, 4, 3, '4 small groups'],
    ['for depthwise channels in fours', 12, 12, 12, 3, '12 are faster'],
    ['not for wide kernels', 3, 16, 1, 7, null],
    ['not for groups of eight channels', 16, 16, 2, 3, null],
    ['not for depthwise channels in eights', 24, 24, 24, 3, null],
    ['not where float kernels are slow too', 18, 18, 18, 3, null],
  ])('%s', (_, channels, outputs, groups, side, reason) => {
    const model = convolution(channels, outputs, groups, side);
    const operator = linearOperator(model.graph.nodes().next().value!, model);
    if (operator === null || typeof operator === 'string') throw new TypeError('no linear operator');
    const why = whySlowerAsIntegers(operator, true);
    if (reason === null) expect(why).toBeNull();
    else expect(why).toContain(reason);
    if (groups === 1) expect(whySlowerAsIntegers(operator, false)).toBeNull();
  });
});

const stem = modelOf(`${header}
graph (float[1,3,32,32] x, float[16,3,3,3] w1, float[32,16,3,3] w2, float[32,32,3,3] w3, float[8,32,3,3] w4) => (float[1,8,8,8] y) {
  [stem] c1 = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, w1)
  a1 = LeakyRelu <alpha = 0.1> (c1)
  p1 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (a1)
  [second] c2 = Conv <pads = [1, 1, 1, 1]> (p1, w2)
  a2 = Relu (c2)
  [third] c3 = Conv <pads = [1, 1, 1, 1]> (a2, w3)
  a3 = Relu (c3)
  [fourth] y = Conv <pads = [1, 1, 1, 1]> (a3, w4)
}`);

describe('what stays float', () => {
  it('are first convolutions of few channels, with the pooling behind them', async () => {
    const { model, report } = await runOnCopy(stem, quantizeStatic, { ...small, edges: 'cheap' });
    expect(report.skipped.find(({ target }) => target === 'stem')?.reason).toContain('27 weights');
    const operators = await fusedOperators(model);
    // Integers in front of MaxPool would be taken by a slow kernel.
    expect(operators.indexOf('QuantizeLinear')).toBeGreaterThan(operators.indexOf('MaxPool'));
    expect(operators.filter((name) => name === 'QLinearConv')).toHaveLength(3);
    expect(await errorOf(stem, model)).toBeLessThan(0.06);
  });

  it('is not known of other processors', async () => {
    const options = { ...small, edges: 'cheap' };
    const { report } = await runOnCopy(stem, quantizeStatic, options, { target: parseTarget('web') });
    expect(report.changed.map(({ target }) => target)).toContain('stem');
  });

  it('are integers on request', async () => {
    const { model } = await runOnCopy(stem, quantizeStatic, { ...small, slowKernels: 'integer' });
    expect((await fusedOperators(model)).filter((name) => name === 'QLinearConv')).toHaveLength(4);
  });

  it('is a convolution between integers that was left out', async () => {
    const { model } = await runOnCopy(stem, quantizeStatic, { ...small, exclude: ['third'] });
    const operators = await fusedOperators(model);
    expect(operators.filter((name) => /^(Fused)?Conv$/.test(name))).toHaveLength(2);
    expect(operators.filter((name) => name === 'QLinearConv')).toHaveLength(2);
  });
});

const thinText = (channels: number): string => `${header}
graph (float[1,16,16,16] x, float[${channels},16,1,1] w1, float[${channels},1,3,3] w2, float[${channels},${channels},1,1] w3, float[16,${channels},1,1] w4)
  => (float[1,16,16,16] y) {
  [wide] c1 = Conv (x, w1)
  s1 = HardSwish (c1)
  [depthwise] c2 = Conv <group = ${channels}, pads = [1, 1, 1, 1]> (s1, w2)
  s2 = HardSwish (c2)
  [mixed] c3 = Conv (s2, w3)
  s3 = HardSwish (c3)
  [narrow] y = Conv (s3, w4)
}`;

describe('a network that multiplies little for each element', () => {
  const thin = modelOf(thinText(16));

  it('stays float, with the reason', async () => {
    const { report } = await runOnCopy(thin, quantizeStatic, small);
    expect(report.changed).toEqual([]);
    expect(report.skipped.map(({ target }) => target)).toEqual(['wide', 'depthwise', 'mixed', 'narrow']);
    // The first has a reason of its own.
    for (const { reason } of report.skipped.slice(1))
      expect(reason).toContain('float is faster in this network of few channels');
    expect(report.warnings.join()).toContain('--slow-kernels integer');
  });

  it.each([
    ['on request', thin, { slowKernels: 'integer' }, 'cpu'],
    ['in four bits', thin, { bits: 4 }, 'cpu'],
    ['on other processors', thin, {}, 'web'],
    ['with more channels', modelOf(thinText(96)), {}, 'cpu'],
  ] as const)('becomes integers %s', async (_, model, options, target) => {
    const { report } = await runOnCopy(
      model,
      quantizeStatic,
      { ...small, ...options },
      { target: parseTarget(target) },
    );
    expect(report.changed.map(({ target }) => target)).toContain('mixed');
  });
});

const activations = modelOf(`${header}
graph (float[1,8,12,12] x, float[16,8,3,3] w1, float[16,16,3,3] w2, float[16,16,3,3] w3, float[8,16,3,3] w4) => (float[1,8,12,12] y)
<float root = {1.41421356}, float one = {1.0}, float half = {0.5}> {
  c1 = Conv <pads = [1, 1, 1, 1]> (x, w1)
  s = Sigmoid (c1)
  a1 = Mul (c1, s)
  c2 = Conv <pads = [1, 1, 1, 1]> (a1, w2)
  d2 = Div (c2, root)
  e2 = Erf (d2)
  p2 = Add (e2, one)
  m2 = Mul (c2, p2)
  a2 = Mul (m2, half)
  c3 = Conv <pads = [1, 1, 1, 1]> (a2, w3)
  d3 = Div (c3, root)
  e3 = Erf (d3)
  p3 = Add (e3, one)
  h3 = Mul (c3, half)
  a3 = Mul (h3, p3)
  y = Conv <pads = [1, 1, 1, 1]> (a3, w4)
}`);

describe('activations of several nodes', () => {
  it('are one behind integers, as onnxruntime does not find them there', async () => {
    const { model, report } = await runOnCopy(activations, quantizeStatic, { ...small, edges: 'integer' });
    expect(report.metrics.unfusedNodes).toBe(0);
    const operators = await fusedOperators(model);
    expect(operators.filter((name) => /Gelu/.test(name))).toEqual(['QuickGelu', 'Gelu', 'Gelu']);
    expect(operators).not.toContain('Erf');
    expect(operators).not.toContain('QLinearSigmoid');
    expect(operators.filter((name) => name === 'QLinearConv')).toHaveLength(4);
    const apart = await runOnCopy(activations, quantizeStatic, { ...small, edges: 'integer', slowKernels: 'integer' });
    expect(await errorOf(activations, model)).toBeLessThan(1.1 * (await errorOf(activations, apart.model)));
  });

  it('are what they were where ONNX alone is known', async () => {
    const options = { ...small, edges: 'integer' };
    const { model } = await runOnCopy(activations, quantizeStatic, options, { target: parseTarget('generic') });
    const operators = [...model.graph.nodes()].map(({ qualifiedType }) => qualifiedType);
    expect(operators.filter((name) => name === 'Erf')).toHaveLength(2);
    expect(operators.filter((name) => name.startsWith('com.microsoft'))).toEqual([]);
  });
});

it('keeps an integer Gemm apart from the activation behind it, with which it would become a float one', async () => {
  const model = modelOf(`${header}
graph (float[4,128] x, float[128,128] w1, float[128] b1, float[128,128] w2, float[128] b2, float[128,8] w3) => (float[4,8] y) {
  h1 = Gemm (x, w1, b1)
  a1 = Relu (h1)
  h2 = Gemm (a1, w2, b2)
  a2 = Sigmoid (h2)
  y = Gemm (a2, w3)
}`);
  const { model: quantized, report } = await runOnCopy(model, quantizeStatic, { ...small, edges: 'float' });
  const operators = await fusedOperators(quantized);
  expect(operators.filter((name) => name === 'QGemm')).toHaveLength(2);
  expect(operators).toContain('Sigmoid');
  expect(report.metrics.unfusedNodes).toBe(0);
});
