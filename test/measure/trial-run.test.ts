// Runs the built package: the process of a model is plain Node.js, which cannot load TypeScript sources.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Model, parseModel } from '../../src/ir/index.js';
import { loadModel, saveModel } from '../../src/onnx/index.js';
import { castTensor, float32Tensor } from '../../src/tensor/index.js';
import { temporaryFolder } from '../temporary-folder.js';

const built = fileURLToPath(new URL('../../dist/src/measure/index.js', import.meta.url));
const folder = temporaryFolder();

async function trialRunBuilt(model: Model): Promise<void> {
  const { trialRun }: typeof import('../../src/measure/index.js') = await import(built);
  return trialRun(model, {});
}

/** A product in float16 of inputs whose leading axes are exchanged, or not: the former is what onnxruntime up to 1.30 at least ends its process with. */
async function saveProduct(permutation: string): Promise<Model> {
  const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
test (float[4,4,32] x) => (float[4,4,64] y) <float[1] w = {0}>
{
  h = Cast <to = 10> (x)
  t = Transpose <perm = [${permutation}]> (h)
  p = MatMul (t, w)
  y = Cast <to = 1> (p)
}`);
  const [weight] = model.graph.initializers;
  weight.constant = castTensor(float32Tensor([32, 64], new Float32Array(32 * 64).fill(0.1)), 'float16');
  const path = join(folder, `${permutation}.onnx`);
  await saveModel(model, path);
  return loadModel(path);
}

describe.skipIf(!existsSync(built))('a trial run (needs `npm run build`)', () => {
  test('that ends its process is a failed verification that says so', async () => {
    await expect(trialRunBuilt(await saveProduct('1, 0, 2'))).rejects.toMatchObject({
      code: 'VERIFICATION',
      message: expect.stringMatching(/ended its process/),
      hint: expect.stringMatching(/--compute float32/),
    });
  });

  test('that goes well says nothing', async () => {
    await trialRunBuilt(await saveProduct('0, 1, 2'));
  });
});
