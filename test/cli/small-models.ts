// Small models with random weights, written as files.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseModel, saveModel } from '../../src/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { float32Tensor } from '../../src/tensor/index.js';

/** Two matrix products, 64 KiB of weights; saved as `name` in `folder`. */
export async function writePerceptron(folder: string, name = 'model.onnx'): Promise<string> {
  const model = parseModel(`
    <ir_version: 8, opset_import: ["": 17]>
    perceptron (float[batch, 64] x, float[64, 128] w1, float[128, 64] w2) => (float[batch, 64] y) {
      hidden = MatMul(x, w1)
      active = Relu(hidden)
      y = MatMul(active, w2)
    }`);
  addWeights(model, { w1: [64, 128], w2: [128, 64] });
  const path = join(folder, name);
  await saveModel(model, path);
  return path;
}

/** One convolution and a classifier. */
export async function writeConvolution(folder: string): Promise<string> {
  const model = parseModel(`
    <ir_version: 8, opset_import: ["": 17]>
    convolution (float[batch, 3, 16, 16] image, float[32, 3, 3, 3] w) => (float[batch, 32, 16, 16] features) {
      features = Conv <pads = [1, 1, 1, 1]> (image, w)
    }`);
  addWeights(model, { w: [32, 3, 3, 3] });
  const path = join(folder, 'convolution.onnx');
  await saveModel(model, path);
  return path;
}

/** Turns inputs into initializers with seeded values. */
function addWeights(model: ReturnType<typeof parseModel>, shapes: Readonly<Record<string, readonly number[]>>): void {
  const random = createRandom(1);
  for (const [name, shape] of Object.entries(shapes)) {
    const size = shape.reduce((product, dim) => product * dim, 1);
    const input = model.graph.inputs.find((value) => value.name === name)!;
    const weight = model.graph.addInitializer(
      `${name}_values`,
      float32Tensor(
        shape,
        Float32Array.from({ length: size }, () => random.normal() / 8),
      ),
    );
    input.replaceAllUsesWith(weight);
    model.graph.removeInput(input);
  }
}

export function writeBytes(folder: string, name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
