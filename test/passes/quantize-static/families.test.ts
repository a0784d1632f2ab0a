// Small relatives of what people quantize: MobileNets, detectors, networks that share weights or are quantized in part.
import { describe, expect, it } from 'vitest';
import { quantizeStatic } from '../../../passes/quantize-static/index.js';
import { runOnCopy } from '../../fixture-models.js';
import { errorOf, fusedOperators, modelOf } from './model-of.js';

const header = '<ir_version: 8, opset_import: ["" : 17]>';
const integers = { edges: 'integer', slowKernels: 'integer', twoPass: 'off', minimumSize: 1 } as const;

const mobileNet = modelOf(
  `${header}
graph (float[1,3,16,16] x, float[8,3,3,3] w1, float[8] b1, float[8,1,3,3] w2, float[8] b2, float[4,8,1,1] w3, float[4] b3, float[8,4,1,1] w4, float[8] b4, float[16,8,1,1] w5)
  => (float[1,16,1,1] y) <int64[8] pads = {0, 0, 0, 0, 0, 0, 1, 1}> {
  [stem] c1 = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, w1, b1)
  [swish] h1 = HardSwish (c1)
  [pad] p1 = Pad (h1, pads)
  [depthwise] c2 = Conv <group = 8> (p1, w2, b2)
  [cut] h2 = Clip (c2, low, high)
  [squeeze] s1 = GlobalAveragePool (h2)
  [reduce] s2 = Conv (s1, w3, b3)
  [r] s3 = Relu (s2)
  [expand] s4 = Conv (s3, w4, b4)
  [gate] s5 = HardSigmoid <alpha = 0.2> (s4)
  [excite] e = Mul (h2, s5)
  [pointwise] c3 = Conv (e, w5)
  [pool] y = GlobalAveragePool (c3)
}`.replace('> {', ', float low = {0.0}, float high = {6.0}> {'),
);

describe('MobileNets', () => {
  it('have integer depthwise convolutions, gates and swishes, and padding of integers', async () => {
    const { model, report } = await runOnCopy(mobileNet, quantizeStatic, integers);
    const operators = await fusedOperators(model);
    const kernels = operators.filter((name) => name.startsWith('QLinear') || name === 'Pad');
    expect(kernels).toEqual([
      ...['QLinearConv', 'QLinearAdd', 'QLinearMul', 'Pad', 'QLinearConv'],
      ...['QLinearMul', 'QLinearConv'],
    ]);
    expect(operators).not.toContain('HardSwish');
    expect(report.metrics.unfusedNodes).toBe(0);
    expect(await errorOf(mobileNet, model)).toBeLessThan(0.06);
  });

  it('have depthwise kernels rounded by GPTQ where that helps', async () => {
    const { report } = await runOnCopy(mobileNet, quantizeStatic, integers);
    const what = report.changed.find(({ target }) => target === 'depthwise')!.what;
    expect(what).toMatch(/rounded by GPTQ|bias corrected/);
  });
});

describe('detectors', () => {
  const detector = modelOf(`${header}
graph (float[1,3,16,16] x, float[8,3,3,3] w1, float[8,8,3,3] w2, float[8,4,1,1] w3, float[8,16,1,1] w4, float[6,8,3,3] w5)
  => (float[1,6,16,16] y) <int64[2] halves = {4, 4}, float[4] scales = {1.0, 1.0, 2.0, 2.0}> {
  [c1] h1 = Conv <pads = [1, 1, 1, 1]> (x, w1)
  [r1] a1 = Relu (h1)
  [c2] h2 = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (a1, w2)
  [s2] t2 = Sigmoid (h2)
  [m2] a2 = Mul (h2, t2)
  [split] p, q = Split <axis = 1> (a2, halves)
  [c3] h3 = Conv (p, w3)
  [up] u = Resize <mode = "nearest"> (h3, , scales)
  [cat] k = Concat <axis = 1> (a1, u)
  [c4] h4 = Conv (k, w4)
  [head] y = Conv <pads = [1, 1, 1, 1]> (h4, w5)
}`);

  it('split, resize and join integers', async () => {
    const { model, report } = await runOnCopy(detector, quantizeStatic, integers);
    const operators = await fusedOperators(model);
    for (const name of ['QLinearSigmoid', 'QLinearMul', 'Split', 'Resize', 'QLinearConcat'])
      expect(operators).toContain(name);
    expect(report.metrics.unfusedNodes).toBe(0);
    expect(await errorOf(detector, model, 2)).toBeLessThan(0.06);
  });

  it('give what only moves elements the range of what it takes', async () => {
    const { model } = await runOnCopy(detector, quantizeStatic, integers);
    const pairs = [...model.graph.nodes()].filter((node) => node.is('QuantizeLinear'));
    const gridBehind = (name: string) => pairs.find((node) => node.input(0)?.producer?.name === name)!.inputs.slice(1);
    expect(gridBehind('split')).toEqual(gridBehind('m2'));
    expect(gridBehind('up')).toEqual(gridBehind('c3'));
    expect(gridBehind('cat')).not.toEqual(gridBehind('up'));
  });
});

describe('weights that several nodes share', () => {
  it('are quantized where all of them are', async () => {
    const shared = modelOf(`${header}
graph (float[1,8,12,12] x, float[8,8,3,3] w1, float[8,8,3,3] w2, float[8] b2) => (float[1,8,6,6] y) {
  [c0] h0 = Conv <pads = [1, 1, 1, 1]> (x, w1)
  [c1] h1 = Conv <pads = [1, 1, 1, 1]> (h0, w2, b2)
  [r1] a1 = Relu (h1)
  [c2] h2 = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (a1, w2, b2)
  [r2] y = Relu (h2)
}`);
    const { model, report } = await runOnCopy(shared, quantizeStatic, integers);
    expect(report.skipped).toEqual([]);
    expect((await fusedOperators(model)).filter((name) => name === 'QLinearConv')).toHaveLength(3);
    expect(await errorOf(shared, model)).toBeLessThan(0.05);
  });

  it('stay float where somebody needs them so', async () => {
    const shared = modelOf(`${header}
graph (float[1,8,12,12] x, float[8,8,3,3] w1) => (float[1,8,12,12] y) {
  [c0] h0 = Conv <pads = [1, 1, 1, 1]> (x, w1)
  [s] s = ReduceSum <keepdims = 0> (w1)
  [m] y = Mul (h0, s)
}`);
    const { report } = await runOnCopy(shared, quantizeStatic, integers);
    expect(report.skipped).toEqual([{ target: 'c0', reason: 'its weight is used by other nodes too' }]);
  });
});

describe('models that are quantized already', () => {
  const half = { ...integers, exclude: ['pointwise'] };

  it('are not quantized twice', async () => {
    const { model } = await runOnCopy(mobileNet, quantizeStatic, integers);
    const { report } = await runOnCopy(model, quantizeStatic, integers);
    expect(report.edited).toBe(false);
    expect(report.skipped.filter(({ reason }) => reason === 'already quantized').map(({ target }) => target)).toEqual([
      ...['stem', 'depthwise', 'pointwise'],
    ]);
  });

  it('are completed where they are quantized in part, on the grids that are there', async () => {
    const { model } = await runOnCopy(mobileNet, quantizeStatic, half);
    const { model: complete, report } = await runOnCopy(model, quantizeStatic, { ...integers, include: ['pointwise'] });
    expect(report.changed.map(({ target }) => target)).toEqual(['pointwise']);
    expect((await fusedOperators(complete)).filter((name) => name === 'QLinearConv')).toHaveLength(3);
    expect(await errorOf(mobileNet, complete)).toBeLessThan(0.06);
  });

  it('are recognised by their integer operators', async () => {
    const model = modelOf(`${header}
graph (float[2,64] x) => (float[2,4] y) <uint8 z = {128}, float s = {0.02}, int8[64,4] q = {${new Array(256).fill(3).join(', ')}}, int8 wz = {0}> {
  [quantize] a = QuantizeLinear (x, s, z)
  [product] i = MatMulInteger (a, q, z, wz)
  [cast] y = Cast <to = 1> (i)
}`);
    const { report } = await runOnCopy(model, quantizeStatic, integers);
    expect(report).toMatchObject({ edited: false, skipped: [{ target: 'product', reason: 'already quantized' }] });
  });
});
