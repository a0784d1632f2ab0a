// A model cut into slices shows its observers the same values as the whole model does.
import { expect, it } from 'vitest';
import { ExtremaObserver, observe } from '../../src/calibration/index.js';
import type { Model, Value } from '../../src/ir/index.js';
import { loadModel } from '../../src/onnx/index.js';
import { engine, fixturePath, samplesFor } from '../fixture-models.js';

async function rangesOf(model: Model, maxMemory?: number): Promise<Map<string, readonly [number, number]>> {
  const values: Value[] = [
    ...model.graph.inputs.filter(({ type }) => type?.kind === 'tensor' && type.dataType === 'float32'),
  ];
  for (const node of model.graph.nodes()) {
    if (node.is('MatMul', 'Add', 'Conv', 'Gemm', 'LayerNormalization')) values.push(node.output);
  }
  const observers = values.map((value) => [value, new ExtremaObserver()] as const);
  expect(await observe(model, observers, { engine, samples: samplesFor(model), maxMemory })).toBe(4);
  return new Map(observers.map(([value, { range }]) => [value.name, range]));
}

it.each(['transformer-block', 'transformer-block-layernorm', 'cnn-batchnorm', 'gpt-tied'])('%s', async (name) => {
  const model = await loadModel(fixturePath(`${name}.onnx`));
  const whole = await rangesOf(model);
  const sliced = await rangesOf(model, 1);
  expect(sliced.size).toBeGreaterThan(2);
  for (const [value, [low, high]] of whole) {
    const [slicedLow, slicedHigh] = sliced.get(value)!;
    expect(Math.abs(slicedLow - low) + Math.abs(slicedHigh - high), value).toBeLessThan(1e-4 * (high - low + 1));
  }
});
