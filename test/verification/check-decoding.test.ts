// What decodes weights runs once: proven by profiles of onnxruntime-node and onnxruntime-web.
import { describe, expect, it } from 'vitest';
import { quantizeWeights } from '../../passes/quantize-weights/index.js';
import { loadTimeNodes } from '../../src/analysis/index.js';
import { createOnnxRuntimeWebEngine, type Engine } from '../../src/engine/index.js';
import { type Model, parseModel } from '../../src/ir/index.js';
import { createRandom } from '../../src/numeric/index.js';
import type { Pass } from '../../src/pass/index.js';
import { float32Tensor } from '../../src/tensor/index.js';
import { checkDecoding } from '../../src/verification/check-decoding.js';
import { engine, feedsFor, runOnCopy } from '../fixture-models.js';

const pass = quantizeWeights as unknown as Pass;

async function packed(options: Readonly<Record<string, unknown>>): Promise<Model> {
  const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
test (float[5,64] x) => (float[5,64] y) <float[1] v = {0}, float[1] w = {0}>
{
  a = MatMul (x, v)
  b = Relu (a)
  c = Gemm <transB = 1> (b, w)
  y = Tanh (c)
}`);
  const random = createRandom(1);
  const shapes: Readonly<Record<string, readonly [number, number]>> = { v: [64, 160], w: [64, 160] };
  for (const value of model.graph.initializers) {
    const shape = shapes[value.name];
    const values = Float32Array.from({ length: shape[0] * shape[1] }, () => random.normal());
    value.constant = float32Tensor(shape, values);
  }
  return (await runOnCopy(model, pass, options)).model;
}

const unoptimizing: Engine = {
  ...engine,
  open: (model, options) => engine.open(model, { ...options, optimization: 'disabled' }),
};

const forms = [
  ['4 bits', { bits: 4 }],
  ['3 bits', { bits: 3 }],
  ['2 bits', { bits: 2 }],
  ['4 bits, computed in float', { bits: 4, compute: 'float32' }],
  ['4 bits by tables', { bits: 4, highestOpset: 18 }],
  ['3 bits by tables', { bits: 3, highestOpset: 18 }],
  ['three levels', { bits: 1.6 }],
  ['vectors', { bits: 2, codebook: true }],
] as const;

describe.each(forms)('%s', (_, options) => {
  it.each([
    ['onnxruntime-node', engine],
    ['onnxruntime-web', createOnnxRuntimeWebEngine()],
  ] as const)('are decoded by %s when it loads the model', async (_name, runtime) => {
    const model = await packed(options);
    const atLoad = loadTimeNodes(model).length;
    expect(atLoad).toBeGreaterThan(6);
    expect(await checkDecoding(model, runtime, feedsFor(model))).toEqual({ atLoad, inRuns: [] });
  });
});

it('tells what runs in every inference', async () => {
  const model = await packed({ bits: 4 });
  const found = await checkDecoding(model, unoptimizing, feedsFor(model));
  expect(found?.atLoad).toBe(0);
  expect(found?.inRuns).toContain('Cast v_q');
  const web = createOnnxRuntimeWebEngine();
  const unoptimizingWeb: Engine = {
    ...web,
    open: (model, options) => web.open(model, { ...options, optimization: 'disabled' }),
  };
  expect(await checkDecoding(model, unoptimizingWeb, feedsFor(model))).toEqual(found);
});

it('has nothing to say of models without packed weights', async () => {
  const model = await packed({ bits: 4, compute: 'nbits' });
  expect(await checkDecoding(model, engine, feedsFor(model))).toBeUndefined();
});
