// Rescaling of channels is exact in float, lowers what eight bits cost, and is left out where it does not.
import { describe, expect, it } from 'vitest';
import { equalize } from '../../passes/equalize/index.js';
import { quantizeStatic } from '../../passes/quantize-static/index.js';
import { smoothingFactors, smoothquant } from '../../passes/smoothquant/index.js';
import { type Model, parseModel } from '../../src/ir/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { float32Tensor, sizeOf } from '../../src/tensor/index.js';
import { outputsOf, runOnCopy, samplesFor } from '../fixture-models.js';

/** Inputs `w…` and `c…` become constants: normal numbers, and numbers around one; every 16th row of the weights in `wild` is 30 times as large. */
function modelOf(text: string, wild: readonly string[] = []): Model {
  const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]> ${text}`);
  for (const value of model.graph.inputs.filter(({ name }) => /^[wc]\d/.test(name))) {
    if (value.type?.kind !== 'tensor') throw new TypeError(value.name);
    const shape = value.type.shape!.map(Number);
    const random = createRandom(5).fork(value.name);
    const isWeight = value.name.startsWith('w');
    const last = shape.at(-1)!;
    const outputs = shape.length === 4 ? shape[0] : last;
    const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
      const channel = shape.length === 4 ? Math.floor(i / (sizeOf(shape) / outputs)) : i % last;
      const factor = wild.includes(value.name) && channel % 16 === 3 ? 30 : 1;
      return factor * (isWeight ? random.normal() / Math.sqrt(sizeOf(shape) / outputs) : 1 + 0.1 * random.normal());
    });
    value.replaceAllUsesWith(model.graph.addInitializer(`${value.name}_values`, float32Tensor(shape, values)));
    model.graph.removeInput(value);
  }
  return model;
}

const normText = `graph (float[2,8,64] x, float[64] c1, float[64] c2, float[64,128] w1, float[64,128] w2) => (float[2,8,128] y) {
  [norm] n = LayerNormalization <axis = -1> (x, c1, c2)
  [a] a = MatMul (n, w1)
  [b] b = MatMul (n, w2)
  [s] s = Sigmoid (a)
  [p] y = Mul (s, b)
}`;
const gateText = `graph (float[2,8,64] x, float[64,128] w1, float[64,128] w2, float[128,64] w3) => (float[2,8,64] y) {
  [gate] g = MatMul (x, w1)
  [up] u = MatMul (x, w2)
  [s] s = Sigmoid (g)
  [m] h = Mul (g, s)
  [p] q = Mul (h, u)
  [down] y = MatMul (q, w3)
}`;
const convText = `graph (float[1,4,10,10] x, float[32,4,3,3] w1, float[32] c1, float[32,32,3,3] w2, float[16,32,1,1] w3) => (float[1,16,6,6] y) {
  [c1] h1 = Conv (x, w1, c1)
  [r] h2 = Relu (h1)
  [c2] h3 = Conv (h2, w2)
  [c3] y = Conv (h3, w3)
}`;
const options = {
  edges: 'integer',
  minimumSize: 1,
  twoPass: 'off',
  rounding: 'nearest',
  calibrationMethod: 'minmax',
  maxOutputError: 0,
};

/** Squared error relative to the squares, over the samples that passes calibrate with. */
async function errorOf(original: Model, model: Model): Promise<number> {
  let [error, squares] = [0, 0];
  for await (const feeds of samplesFor(original)) {
    const [exact, other] = [await outputsOf(original, feeds), await outputsOf(model, feeds)].map(({ y }) =>
      y.readFloat32(),
    );
    for (const [i, value] of exact.entries()) {
      error += (value - other[i]) ** 2;
      squares += value ** 2;
    }
  }
  return error / squares;
}

describe.each([
  ['smoothquant, behind a norm', smoothquant, normText, ['c1'], ['a', 'b']],
  ['smoothquant, behind the gate of SwiGLU', smoothquant, gateText, ['w2'], ['down']],
  ['equalize, between convolutions', equalize, convText, ['w1'], ['c2']],
] as const)('%s', (_, pass, text, wild, targets) => {
  const original = modelOf(text, wild);

  it('changes nothing in float', async () => {
    const { model, report } = await runOnCopy(original, pass);
    for (const target of targets) expect(report.changed.map((change) => change.target)).toContain(target);
    expect(await errorOf(original, model)).toBeLessThan(1e-9);
  });

  it('makes eight bits cost less', async () => {
    const { model: scaled } = await runOnCopy(original, pass);
    const before = await errorOf(original, (await runOnCopy(original, quantizeStatic, options)).model);
    const after = await errorOf(original, (await runOnCopy(scaled, quantizeStatic, options)).model);
    expect(after).toBeLessThan(0.5 * before);
  });
});

it('leaves models alone where nothing helps or something else takes the value', async () => {
  const { report } = await runOnCopy(modelOf(normText), smoothquant, { alphas: [0] });
  expect(report.edited).toBe(false);
  expect(report.skipped.map(({ reason }) => reason)).toEqual([
    expect.stringContaining('no factors lower its error'),
    expect.stringContaining('no factors lower its error'),
  ]);
  const text = normText
    .replace('Sigmoid (a)', 'Sigmoid (a)\n  [o] z = ReduceMean (n)')
    .replace(' y) {', ' y, float[1,1,1] z) {');
  const shared = modelOf(text, ['c1']);
  const { report: other } = await runOnCopy(shared, smoothquant);
  expect(new Set(other.skipped.map(({ reason }) => reason))).toEqual(new Set(['something else takes its input too']));
});

it('takes factors of max|X|^α / max|W|^(1 − α)', () => {
  const factors = smoothingFactors(Float32Array.of(4, 1, 0), Float32Array.of(1, 4, 2), 0.5);
  // 2 and 1/2, of geometric mean 1; a channel that is always zero keeps its weights.
  expect([...factors]).toEqual([expect.closeTo(2, 5), expect.closeTo(0.5, 5), 1]);
});
