import { expect, it } from 'vitest';
import { convertFloats } from '../../../passes/convert-floats/index.js';
import { quantizeStatic } from '../../../passes/quantize-static/index.js';
import { feedsFor, outputsOf, runOnCopy } from '../../fixture-models.js';
import { fusedOperators, modelOf } from './model-of.js';

const original = modelOf(`<ir_version: 8, opset_import: ["" : 17]>
graph (float[1,8,16,16] x, float[16,8,3,3] w1, float[32,16,3,3] w2, float[32,32,3,3] w3) => (float[1,32,10,10] y) {
  [a] h1 = Conv (x, w1)
  [r] h2 = Relu (h1)
  [b] h3 = Conv (h2, w2)
  [c] y = Conv (h3, w3)
}`);
const options = { edges: 'integer', minimumSize: 1 } as const;

it.each([true, false])(
  'computes models of float16 with integers, and keeps their inputs and outputs (kept float32: %s)',
  async (keepIo) => {
    const { model: half } = await runOnCopy(original, convertFloats, { compute: 'half', keepIo });
    const { model, report } = await runOnCopy(half, quantizeStatic, options);
    expect(report.warnings.join()).toContain('computed in float16');
    expect((await fusedOperators(model)).filter((name) => name.includes('Conv'))).toEqual(Array(3).fill('QLinearConv'));
    for (const side of ['inputs', 'outputs'] as const)
      expect(model.graph[side].map(({ name, type }) => [name, type])).toEqual(
        half.graph[side].map(({ name, type }) => [name, type]),
      );
    const feeds = feedsFor(half);
    const [exact, rounded] = [(await outputsOf(half, feeds)).y, (await outputsOf(model, feeds)).y];
    const values = exact.readFloat32();
    let [error, squares] = [0, 0];
    for (const [i, value] of rounded.readFloat32().entries()) {
      error += (value - values[i]) ** 2;
      squares += values[i] ** 2;
    }
    expect(Math.sqrt(error / squares)).toBeLessThan(0.05);
  },
);

it('leaves a model of float16 as it is where nothing becomes integer', async () => {
  const { model: half } = await runOnCopy(original, convertFloats, { compute: 'half', keepIo: true });
  const { report } = await runOnCopy(half, quantizeStatic, { ...options, include: ['r'] });
  expect(report.edited).toBe(false);
  expect(report.warnings).toEqual([]);
});
