// Models of the tests of quantize-static: text, with weights of normal numbers.
import { optimizeModel } from '../../../src/engine/index.js';
import { type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { feedsFor, outputsOf, relativeError } from '../../fixture-models.js';

/** A model whose weights, declared as inputs `w…` and `b…`, get normal numbers; those of `scaled` times a factor. */
export function modelOf(text: string, scaled: Readonly<Record<string, number>> = {}): Model {
  const model = parseModel(text);
  for (const value of model.graph.inputs.filter(({ name }) => /^[wb]\d/.test(name))) {
    if (value.type?.kind !== 'tensor') throw new TypeError(value.name);
    const shape = value.type.shape!.map(Number);
    const random = createRandom(5).fork(value.name);
    const size = shape.reduce((product, length) => product * length, 1);
    const factor = scaled[value.name] ?? (value.name.startsWith('w') ? 1 / Math.sqrt(size / shape[0]) : 0.1);
    const values = Float32Array.from({ length: size }, () => random.normal() * factor);
    const initializer = model.graph.addInitializer(`${value.name}_values`, float32Tensor(shape, values));
    value.replaceAllUsesWith(initializer);
    model.graph.removeInput(value);
  }
  return model;
}

/** Operators of the main graph as onnxruntime runs it, conversions included. */
export async function fusedOperators(model: Model): Promise<string[]> {
  const { graph } = await optimizeModel(model);
  return [...graph.nodes()].map(({ opType }) => opType);
}

/** Relative error of the output `y` on the inputs of a seed; 1 to 4 are those that were calibrated with. */
export async function errorOf(original: Model, quantized: Model, seed = 9): Promise<number> {
  const feeds = feedsFor(original, seed);
  const [before, after] = [await outputsOf(original, feeds), await outputsOf(quantized, feeds)];
  return relativeError(after.y, before.y);
}
