import { expect, it } from 'vitest';
import { biasCorrection } from '../../../passes/bias-correction/index.js';
import { MeanErrors } from '../../../passes/bias-correction/mean-errors.js';
import { quantizeStatic } from '../../../passes/quantize-static/index.js';
import { cloneModel, type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { type Pass, type PassReport, runPass } from '../../../src/pass/index.js';
import { float32Tensor, sizeOf } from '../../../src/tensor/index.js';
import { engine, outputsOf, samplesFor } from '../../fixture-models.js';

function original(): Model {
  const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
graph (float[1,4,10,10] x, float[8,4,3,3] w1, float[8] w2, float[6,8,3,3] w3, float[6] w4) => (float[1,6,1,1] y) {
  [c1] h1 = Conv (x, w1, w2)
  [r] h2 = Relu (h1)
  [c2] h3 = Conv (h2, w3, w4)
  [g] y = GlobalAveragePool (h3)
}`);
  for (const value of model.graph.inputs.filter(({ name }) => name.startsWith('w'))) {
    const shape = value.type?.kind === 'tensor' ? value.type.shape!.map(Number) : [];
    const random = createRandom(5).fork(value.name);
    const values = Float32Array.from({ length: sizeOf(shape) }, () => random.normal() / 6);
    value.replaceAllUsesWith(model.graph.addInitializer(`${value.name}_values`, float32Tensor(shape, values)));
    model.graph.removeInput(value);
  }
  return model;
}

/** Runs passes one after the other; what they are compared with is the first model. */
async function run(
  model: Model,
  steps: readonly (readonly [Pass, object])[],
): Promise<{ model: Model; report: PassReport }> {
  const result = cloneModel(model);
  const environment = {
    original: model,
    engine,
    workers: inlineWorkers,
    samples: samplesFor(model),
    signal: new AbortController().signal,
    seed: 0,
  };
  let report: PassReport | null = null;
  for (const [pass, options] of steps) report = await runPass(result, pass, options, environment);
  return { model: result, report: report! };
}

async function errorsOf(before: Model, after: Model): Promise<{ squared: number; mean: number }> {
  let [squared, sum, count] = [0, 0, 0];
  for await (const feeds of samplesFor(before)) {
    const [a, b] = [await outputsOf(before, feeds), await outputsOf(after, feeds)].map(({ y }) => y.readFloat32());
    for (let i = 0; i < a.length; i++) {
      squared += (a[i] - b[i]) ** 2;
      sum += a[i] - b[i];
      count++;
    }
  }
  return { squared, mean: Math.abs(sum) / count };
}

it('undoes biases that were moved, in float', async () => {
  const model = original();
  const moved = cloneModel(model);
  for (const value of moved.graph.initializers) {
    if (value.constant!.shape.length === 1)
      value.constant = float32Tensor(
        value.constant!.shape,
        value.constant!.readFloat32().map((bias) => bias + 0.3),
      );
  }
  const environment = {
    original: model,
    engine,
    workers: inlineWorkers,
    samples: samplesFor(model),
    signal: new AbortController().signal,
    seed: 0,
  };
  const report = await runPass(moved, biasCorrection, {}, environment);
  expect(report.changed.map(({ target }) => target)).toEqual(['c1', 'c2']);
  expect((await errorsOf(model, moved)).squared).toBeLessThan(1e-6);
});

it('takes the mean error out of int32 biases of a statically quantized model', async () => {
  const model = original();
  const options = { edges: 'integer', minimumSize: 1, rounding: 'nearest', biasCorrection: false, bits: 4 };
  const quantize = [quantizeStatic, options] as const;
  const plain = await errorsOf(model, (await run(model, [quantize])).model);
  const { model: corrected, report } = await run(model, [quantize, [biasCorrection, {}]]);
  const errors = await errorsOf(model, corrected);

  expect(report.changed.length + report.skipped.length).toBe(2);
  expect(errors.squared).toBeLessThan(plain.squared);
});

it('sees what a correction leaves on samples that it was not fitted to', () => {
  const errors = new MeanErrors(2, 1);
  // Channel 0 is 1 too small in all samples; channel 1 is too large by 2 in the fitted ones and too small by 2 in the fourth.
  for (let sample = 0; sample < 4; sample++) {
    const original = float32Tensor([1, 2, 1], [1, sample === 3 ? 2 : -2]);
    errors.add(float32Tensor([1, 2, 1], [0, 0]), original);
  }
  const { shift, left } = errors.correction();
  expect([...shift]).toEqual([1, -2]);
  expect(left).toBeCloseTo((0 + 16) / (1 + 4), 6);
});
