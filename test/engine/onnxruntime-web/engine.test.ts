// The WebAssembly engine computes what the native one computes, behind the same seam.
import { expect, it } from 'vitest';
import { createOnnxRuntimeWebEngine } from '../../../src/engine/index.js';
import { parseModel } from '../../../src/ir/index.js';
import { loadModel } from '../../../src/onnx/index.js';
import { MemoryTensor } from '../../../src/tensor/index.js';
import { engine, feedsFor, fixturePath, relativeError } from '../../fixture-models.js';

const web = createOnnxRuntimeWebEngine();

it('runs a model file like onnxruntime-node', async () => {
  const path = fixturePath('resnet20_cifar10.onnx');
  const feeds = feedsFor(await loadModel(path));
  const results = [];
  for (const candidate of [engine, web]) {
    const session = await candidate.open(path);
    results.push(await session.run(feeds));
    expect(session.inputs.map(({ name }) => name)).toEqual(Object.keys(feeds));
    await session.close();
  }
  const [native, wasm] = results;
  expect(relativeError(wasm.logits, native.logits)).toBeLessThan(1e-5);
});

it('takes element types that the binding does not know', async () => {
  const model = parseModel(`<ir_version: 10, opset_import: ["" : 21]>
test (int4[3] x) => (int8[3] y) {
  y = Cast <to = 3> (x)
}`);
  const session = await web.open(model);
  const { y } = await session.run({ x: new MemoryTensor('int4', [3], Uint8Array.of(0x7f, 0x08)) });
  expect([...y.readNumbers()]).toEqual([-1, 7, -8]);
  await session.close();
});

it('says what it cannot load', async () => {
  const model = parseModel(`<ir_version: 8, opset_import: ["" : 17, "nobody" : 1]>
test (float[3] x) => (float[3] y) {
  y = nobody.Unknown (x)
}`);
  await expect(web.open(model)).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
});
