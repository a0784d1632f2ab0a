import { expect, it } from 'vitest';
import { quantizeStatic } from '../../../../passes/quantize-static/index.js';
import { parseModel } from '../../../../src/ir/index.js';
import { createRandom } from '../../../../src/numeric/index.js';
import { float32Tensor } from '../../../../src/tensor/index.js';
import { outputsOf, runOnCopy, samplesFor } from '../../../fixture-models.js';

const shape = [128, 128];

/** Three products; what the second one takes holds a few large values, for which eight bits are too few. */
function model() {
  const parsed = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
graph (float[4,128] x, float[128,128] w1, float[128,128] w2, float[128,128] w3) => (float[4,128] y) {
  [even] h1 = MatMul (x, w1)
  [s] h2 = Mul (h1, h1)
  [p] h3 = Mul (h2, h2)
  [spiky] h4 = MatMul (h3, w2)
  [t] h5 = Tanh (h4)
  [last] y = MatMul (h5, w3)
}`);
  for (const value of parsed.graph.inputs.filter(({ name }) => name.startsWith('w'))) {
    const random = createRandom(2).fork(value.name);
    const values = Float32Array.from({ length: 128 * 128 }, () => random.normal() / 12);
    value.replaceAllUsesWith(parsed.graph.addInitializer(`${value.name}_values`, float32Tensor(shape, values)));
    parsed.graph.removeInput(value);
  }
  return parsed;
}

it('is what quantizing an operator alone does to the outputs', async () => {
  const original = model();
  const options = { edges: 'integer', twoPass: 'off', minimumSize: 1, maxOutputError: 0 };
  const { report } = await runOnCopy(original, quantizeStatic, { ...options, sensitivity: true });
  const measured = (name: string): number => report.metrics[`sensitivity ${name}`];
  for (const name of ['even', 'spiky', 'last']) {
    const { model: alone } = await runOnCopy(original, quantizeStatic, { ...options, include: [name] });
    let [error, squares, sum, count] = [0, 0, 0, 0];
    for await (const feeds of samplesFor(original)) {
      [error, squares] = [0, 0];
      const [exact, rounded] = [await outputsOf(original, feeds), await outputsOf(alone, feeds)].map(({ y }) =>
        y.readFloat32(),
      );
      for (let i = 0; i < exact.length; i++) {
        error += (exact[i] - rounded[i]) ** 2;
        squares += exact[i] ** 2;
      }
      sum += error / squares;
      count++;
    }
    expect(measured(name) / (sum / count)).toBeGreaterThan(0.9);
    expect(measured(name) / (sum / count)).toBeLessThan(1.1);
  }
  expect(measured('spiky')).toBeGreaterThan(3 * measured('last'));
});
