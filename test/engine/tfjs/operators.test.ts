// Every operator of the table on the WASM backend computes what onnxruntime computes.
import { describe, expect, it } from 'vitest';
import { createTfjsEngine } from '../../../src/engine/index.js';
import { type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { float32Tensor, int64Tensor, MemoryTensor, sizeOf, type Tensor } from '../../../src/tensor/index.js';
import { engine } from '../../fixture-models.js';
import { type Case, cases } from './operator-cases.js';

const tfjs = createTfjsEngine('wasm');

const letters = 'abcdef';

function makeModel({ shapes, constants = '', body, outputs = '', indices }: Case): Model {
  const inputs = shapes.map((shape, index) => `float[${shape}] ${letters[index]}`);
  if (indices) inputs.push(`int64[${indices.shape}] i`);
  return parseModel(`<ir_version: 8, opset_import: ["" : 18]>
test (${inputs.join(', ')}) => (float[] y${outputs && `, ${outputs}`}) <${constants}> {
${body}
}`);
}

function makeFeeds({ shapes, positive, indices }: Case): Record<string, Tensor> {
  const random = createRandom(7);
  const feeds: Record<string, Tensor> = {};
  for (const [index, shape] of shapes.entries()) {
    const values = Float32Array.from({ length: sizeOf(shape) }, () => {
      const value = random.normal();
      return positive ? Math.abs(value) + 0.1 : value;
    });
    feeds[letters[index]] = float32Tensor(shape, values);
  }
  if (indices) feeds.i = int64Tensor(indices.shape, indices.values);
  return feeds;
}

describe('operators on TensorFlow.js', () => {
  it.each(cases)('%s', async (_name, example) => {
    const model = makeModel(example);
    for (const output of model.graph.outputs)
      if (output.type?.kind === 'tensor') output.type = { ...output.type, shape: null };
    const feeds = makeFeeds(example);
    const [expected, actual] = await Promise.all(
      [engine, tfjs].map(async (candidate) => {
        const session = await candidate.open(model);
        const results = await session.run(feeds);
        await session.close();
        return results;
      }),
    );
    for (const [name, tensor] of Object.entries(expected)) {
      expect(actual[name].shape, name).toEqual([...tensor.shape]);
      const [values, reference] = [actual[name].readNumbers(), tensor.readNumbers()];
      for (const [index, value] of values.entries()) {
        expect(Math.abs(value - reference[index]), `${name}[${index}]: ${value}, ${reference[index]}`).toBeLessThan(
          1e-4 * (1 + Math.abs(reference[index])),
        );
      }
    }
  });

  it('are listed where they are not known', async () => {
    const model = parseModel(`<ir_version: 8, opset_import: ["" : 18]>
test (float[2,2] x) => (float[2,2] y) {
  d = Det (x)
  y = Add (x, d)
}`);
    await expect(tfjs.open(model)).rejects.toThrow('does not know Det');
  });

  it('leave no memory behind', async () => {
    const [, example] = cases.find(([name]) => name === 'LayerNormalization')!;
    const session = await tfjs.open(makeModel(example));
    const { memory } = await import('@tensorflow/tfjs-core');
    await session.run(makeFeeds(example));
    const before = memory().numTensors;
    for (let run = 0; run < 3; run++) await session.run(makeFeeds(example));
    expect(memory().numTensors).toBe(before);
    await session.close();
  });

  it('take booleans', async () => {
    const model = parseModel(`<ir_version: 8, opset_import: ["" : 18]>
test (bool[3] m) => (bool[3] y) {
  y = Not (m)
}`);
    const session = await tfjs.open(model);
    const { y } = await session.run({ m: new MemoryTensor('bool', [3], Uint8Array.of(1, 0, 1)) });
    expect([y.dataType, ...y.readNumbers()]).toEqual(['bool', 0, 1, 0]);
    await session.close();
  });
});
