// Models cut into slices, each slice of the result compared with the original's on the original's activations.
import { describe, expect, it } from 'vitest';
import { quantizeDynamic } from '../../passes/quantize-dynamic/index.js';
import { createOnnxRuntimeEngine } from '../../src/engine/index.js';
import type { Model } from '../../src/ir/index.js';
import { loadModel } from '../../src/onnx/index.js';
import { float32Tensor } from '../../src/tensor/index.js';
import { type FidelityReport, verifyAgainst } from '../../src/verification/index.js';
import { fixturePath, runOnCopy } from '../fixture-models.js';

const engine = createOnnxRuntimeEngine();

/** So little that every cut that is possible is made. */
function verifySliced(original: Model, result: Model): Promise<FidelityReport> {
  return verifyAgainst({ original, result, engine, maxMemory: 1, sampleCount: 2, seed: 3 });
}

describe('verification in slices', () => {
  for (const name of ['transformer-block', 'transformer-block-layernorm', 'cnn-batchnorm', 'gpt-tied', 'if-branches']) {
    it(`finds nothing wrong with a copy of ${name}`, async () => {
      const model = await loadModel(fixturePath(`${name}.onnx`));
      const report = await verifySliced(model, await loadModel(fixturePath(`${name}.onnx`)));
      expect(report.method).toBe('slices');
      expect(report.slices).toBeGreaterThan(1);
      expect(report.outputs.map((output) => output.name)).toEqual(model.graph.outputs.map((output) => output.name));
      expect(report.worst?.maxAbsError).toBe(0);
    });
  }

  it('measures each slice of a quantized model', async () => {
    const original = await loadModel(fixturePath('transformer-block.onnx'));
    const { model: result } = await runOnCopy(original, quantizeDynamic);
    const sliced = await verifySliced(original, result);
    const whole = await verifyAgainst({ original, result, engine, sampleCount: 2, seed: 3 });
    expect(sliced.worst?.cosine).toBeGreaterThan(0.99);
    expect(sliced.worst?.maxAbsError).toBeGreaterThan(0);
    expect(whole.method).toBe('whole');
  });

  it('sees damage in the middle of a model', async () => {
    const original = await loadModel(fixturePath('transformer-block.onnx'));
    const result = await loadModel(fixturePath('transformer-block.onnx'));
    const weight = [...result.graph.initializers].find(
      ({ constant }) => constant?.shape.length === 2 && constant.dataType === 'float32',
    );
    const constant = weight?.constant;
    if (!weight || !constant) throw new Error('no weight to damage');
    weight.constant = float32Tensor(
      constant.shape,
      constant.readFloat32().map((x) => -x),
    );
    const report = await verifySliced(original, result);
    expect(report.worst?.cosine).toBeLessThan(0.5);
  });
});
