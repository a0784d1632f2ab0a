// AWQ: where the scales of inputs go, and that the model still computes the same but for rounding.
import { describe, expect, it } from 'vitest';
import { quantizeWeights } from '../../../passes/quantize-weights/index.js';
import type { Feeds } from '../../../src/engine/index.js';
import { cloneModel, type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { type Pass, type PassReport, runPass } from '../../../src/pass/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { engine } from '../../fixture-models.js';

const random = createRandom(8);
const pass = quantizeWeights as unknown as Pass;
const k = 64;
/** A few channels are much larger than the others. */
const gains = Float32Array.from({ length: k }, (_, i) => (i % 13 === 0 ? 12 : 1));

function modelOf(body: string): Model {
  const model = parseModel(`<ir_version: 10, opset_import: ["" : 21]>
test (float[n,64] x) => (float[n,64] y) <float[1] g = {0}, float[1] b = {0}, float[1] w1 = {0}, float[1] w2 = {0}, float[1] w3 = {0}>
{
${body}
}`);
  for (const initializer of model.graph.initializers) {
    const isMatrix = initializer.name.startsWith('w');
    const values = Float32Array.from({ length: isMatrix ? k * k : k }, () => random.normal() / 8);
    initializer.constant = float32Tensor(isMatrix ? [k, k] : [k], initializer.name === 'g' ? gains : values);
  }
  return model;
}

const samples: readonly Feeds[] = Array.from({ length: 9 }, () => ({
  x: float32Tensor(
    [40, k],
    Float32Array.from({ length: 40 * k }, () => random.normal()),
  ),
}));

async function outputsOf(model: Model): Promise<Float32Array> {
  const session = await engine.open(model);
  const { y } = await session.run(samples[3]);
  await session.close();
  return y.readFloat32();
}

/** Noise over signal of what the quantized model computes. */
async function quantized(
  original: Model,
  options: object,
): Promise<{ noise: number; model: Model; report: PassReport }> {
  const model = cloneModel(original);
  const stream = {
    async *[Symbol.asyncIterator]() {
      yield* samples;
    },
  };
  const { signal } = new AbortController();
  const environment = { original, engine, workers: inlineWorkers, samples: stream, signal, seed: 0 };
  const report = await runPass(
    model,
    pass,
    { compute: 'nbits', accuracyLevel: 0, minimumSize: 64, ...options },
    environment,
  );
  const [a, b] = [await outputsOf(original), await outputsOf(model)];
  const error = a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
  return { noise: Math.sqrt(error / a.reduce((sum, value) => sum + value ** 2, 0)), model, report };
}

function operators(model: Model): string[] {
  return [...model.graph.nodes()].map(({ opType }) => opType);
}

const cases = {
  norm: `
  h = LayerNormalization (x, g, b)
  p = MatMul (h, w1)
  q = MatMul (h, w2)
  s = Add (p, q)
  y = Relu (s)`,
  'norm written out': `
  m = Mul (x, g)
  h = Add (m, b)
  p = MatMul (h, w1)
  r = Relu (p)
  y = Mul (r, r)`,
  gate: `
  gate = Sigmoid (x)
  u = Mul (x, g)
  up = MatMul (u, w1)
  h = Mul (gate, up)
  p = MatMul (h, w2)
  y = Relu (p)`,
} as const;

describe.each([{}, { compute: 'float32' }, { compute: 'dequantize', symmetric: false }])('%o', (form) => {
  it.each(Object.keys(cases) as (keyof typeof cases)[])(
    'folds scales into a %s, without another node',
    async (name) => {
      const original = modelOf(cases[name]);
      const plain = await quantized(original, { ...form, algorithm: 'mse-clip' });
      const { noise, model, report } = await quantized(original, { ...form, algorithm: 'awq' });
      expect(report.changed.map(({ what }) => what).join()).toMatch(/awq/);
      expect(noise).toBeLessThan(plain.noise);
      expect(operators(model)).toEqual(operators(plain.model));
    },
  );

  it('multiplies where nothing can be folded, and only when it is asked for', async () => {
    const original = modelOf(`
  u = Mul (x, g)
  h = Tanh (u)
  s = Mul (h, g)
  t = Relu (s)
  p = MatMul (t, w1)
  y = Relu (p)`);
    const plain = await quantized(original, { ...form, algorithm: 'mse-clip' });
    const awq = await quantized(original, { ...form, algorithm: 'awq' });
    expect(awq.noise).toBeLessThan(plain.noise);
    expect(operators(awq.model).filter((type) => type === 'Mul')).toHaveLength(
      operators(plain.model).filter((type) => type === 'Mul').length + 1,
    );
    const chosen = await quantized(original, form);
    expect(operators(chosen.model)).toEqual(operators(plain.model));
  });
});
