// Types, symmetry and granularity in both formats: all of them run, and operators on integers compute what the pairs compute.
import { describe, expect, it } from 'vitest';
import { quantizeStatic } from '../../../passes/quantize-static/index.js';
import { feedsFor, outputsOf, relativeError, runOnCopy } from '../../fixture-models.js';
import { errorOf, fusedOperators, modelOf } from './model-of.js';

const text = `<ir_version: 8, opset_import: ["" : 17]>
graph (float[1,3,8,8] x, float[8,3,3,3] w1, float[8] b1, float[8,8,3,3] w2, float[8] b2, float[8,1,3,3] w3, float[8,16,1,1] w4, float[8] b4, float[128,64] w5, float[64] b5)
  => (float[1,64] y) <int64[2] halves = {4, 4}, int64[2] flat = {1, 128}> {
  [c1] h1 = Conv <pads = [1, 1, 1, 1]> (x, w1, b1)
  [r1] a1 = Relu (h1)
  [c2] h2 = Conv <pads = [1, 1, 1, 1]> (a1, w2, b2)
  [l2] a2 = LeakyRelu <alpha = 0.1> (h2)
  [add] s = Add (a2, a1)
  [depthwise] h3 = Conv <group = 8, pads = [1, 1, 1, 1]> (s, w3)
  [gate] g = Sigmoid (h3)
  [m] e = Mul (h3, g)
  [split] p, q = Split <axis = 1> (e, halves)
  [cat] k = Concat <axis = 1> (q, p, a1)
  [pool] k2 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (k)
  [c4] h4 = Conv (k2, w4, b4)
  [relu] a4 = Relu (h4)
  [reshape] f = Reshape (a4, flat)
  [gemm] y = Gemm (f, w5, b5)
}`;
const everything = modelOf(text);
/** What onnxruntime fuses pairs of int8 around: everything else pairs leave in float, with a rounding less than operators. */
const fusedInInt8 = modelOf(`<ir_version: 8, opset_import: ["" : 17]>
graph (float[1,3,8,8] x, float[8,3,3,3] w1, float[8] b1, float[8,1,3,3] w2, float[8,8,3,3] w3, float[8] b3) => (float[1,8,8,8] y) {
  [c1] h1 = Conv <pads = [1, 1, 1, 1]> (x, w1, b1)
  [depthwise] h2 = Conv <group = 8, pads = [1, 1, 1, 1]> (h1, w2)
  [c3] y = Conv <pads = [1, 1, 1, 1]> (h2, w3, b3)
}`);
const integers = { edges: 'integer', slowKernels: 'integer', twoPass: 'off', minimumSize: 1 } as const;
const run = (options: Readonly<Record<string, unknown>>, model = everything) =>
  runOnCopy(model, quantizeStatic, { ...integers, ...options });

describe('operators on integers', () => {
  it('stand where onnxruntime would make them of pairs, and nothing but the ends is converted', async () => {
    const { model, report } = await run({ format: 'qoperator' });
    const operators = [...model.graph.nodes()].map(({ opType }) => opType);
    expect(operators).toEqual([
      ...[
        'QuantizeLinear',
        'QLinearConv',
        'QLinearConv',
        'QLinearLeakyRelu',
        'QLinearAdd',
        'QLinearConv',
        'QLinearSigmoid',
      ],
      ...['QLinearMul', 'Split', 'QLinearConcat', 'MaxPool', 'QLinearConv', 'Reshape', 'QGemm'],
    ]);
    expect(report.metrics).toMatchObject({ unfusedNodes: 0, conversions: 1, integerOperators: 13 });
  });

  it.each([
    ['uint8', 'int8', 'channel', false],
    ['uint8', 'uint8', 'tensor', false],
    ['uint8', 'int8', 'tensor', true],
    ['int8', 'int8', 'channel', true],
  ] as const)(
    'compute what pairs compute: %s activations, %s weights per %s, symmetric: %s',
    async (activationType, weightType, granularity, activationSymmetric) => {
      const options = { activationType, weightType, granularity, activationSymmetric };
      const model = activationType === 'int8' ? fusedInInt8 : everything;
      const [pairs, operators] = [await run(options, model), await run({ ...options, format: 'qoperator' }, model)];
      for (const seed of [3, 4, 5, 6]) {
        const feeds = feedsFor(model, seed);
        const [expected, found] = [await outputsOf(pairs.model, feeds), await outputsOf(operators.model, feeds)];
        expect(relativeError(found.y, expected.y)).toBeLessThan(1e-6);
      }
      expect(await errorOf(model, operators.model, 2)).toBeLessThan(0.2);
    },
  );

  it.each([{ activationType: 'uint16' }, { activationType: 'int8', weightType: 'uint8' }, { biasType: 'float32' }])(
    'refuse what none of them takes: %o',
    async (options) => {
      await expect(run({ ...options, format: 'qoperator' })).rejects.toThrow(/No operators on integers take/);
    },
  );
});

describe('pairs', () => {
  it.each(['uint8', 'int8', 'uint16', 'int16'] as const)(
    'of %s activations run with int8 and uint8 weights',
    async (activationType) => {
      for (const weightType of ['int8', 'uint8'] as const) {
        const { model } = await run({ activationType, weightType });
        expect(await errorOf(everything, model, 2)).toBeLessThan(activationType.endsWith('16') ? 0.06 : 0.2);
      }
    },
  );

  it('take biases in float on request', async () => {
    const { model, report } = await run({ biasType: 'float32' });
    const convolutions = [...model.graph.nodes()].filter((node) => node.is('Conv') && node.input(2));
    for (const { inputs } of convolutions) expect(inputs[2]!.constant?.dataType).toBe('float32');
    expect((await fusedOperators(model)).filter((name) => name === 'QLinearConv').length).toBeGreaterThan(0);
    expect(await errorOf(everything, model, 2)).toBeLessThan(0.2);
    expect(report.changed.length).toBeGreaterThan(10);
  });

  it('never sign activations and weights by default', async () => {
    const { report } = await run({});
    expect(report.options).toMatchObject({ activationType: 'uint8', format: 'qdq', biasType: 'int32' });
  });
});
