// Losses and their gradients beside PyTorch's (torch 2.13: kl_div, cross_entropy, normalize).
import { expect, test } from 'vitest';
import {
  crossEntropy,
  differentiate,
  GraphBuilder,
  relativeSquaredError,
  similarityError,
  softenedDivergence,
} from '../../src/autodiff/index.js';
import { Model, tensorType, type Value } from '../../src/ir/index.js';
import { float32Tensor, int64Tensor } from '../../src/tensor/index.js';
import { engine } from '../fixture-models.js';

const student = [1, -0.5, 2, 0.3, 0.8, -1.2];
const teacher = [0.5, 0.1, 1.5, 1, -1, 0.2];

async function lossOf(build: (b: GraphBuilder, student: Value, teacher: Value) => Value) {
  const model = new Model();
  model.opsetImports.set('', 18);
  const s = model.graph.addInput('student', tensorType('float32', [2, 3]));
  const builder = new GraphBuilder(model.graph, new Map([[s, [2, 3]]]));
  const loss = build(builder, s, builder.constant(float32Tensor([2, 3], teacher)));
  const gradient = differentiate(builder, new Map([[loss, builder.scalar(1)]]), [s]).get(s)!;
  loss.type = tensorType('float32', []);
  gradient.type = tensorType('float32', [2, 3]);
  model.graph.addOutput(loss);
  model.graph.addOutput(gradient);
  const session = await engine.open(model);
  const results = await session.run({ student: float32Tensor([2, 3], student) });
  await session.close();
  return [...results[loss.name].readFloat32(), ...results[gradient.name].readFloat32()];
}

const expected = {
  'softened divergence': [0.4319492, 0.032005, -0.0847721, 0.0527672, -0.127836, 0.2853432, -0.1575072],
  'cross-entropy, one answer left out': [0.3715391, 0.2537162, 0.0566117, -0.3103279, 0, 0, 0],
  similarity: [0.5512782, -0.2414678, -0.1748049, 0.0770327, -0.4186143, -0.1311754, -0.1921038],
  'relative squared error': [1.4395602, 0.2197802, -0.2637363, 0.2197802, -0.3076923, 0.7912088, -0.6153846],
};

const builders: Record<keyof typeof expected, Parameters<typeof lossOf>[0]> = {
  'softened divergence': (b, s, t) => softenedDivergence(b, s, t, 2),
  'cross-entropy, one answer left out': (b, s) => crossEntropy(b, s, b.constant(int64Tensor([2], [2, -1]))),
  similarity: similarityError,
  'relative squared error': relativeSquaredError,
};

test.each(Object.entries(expected))('%s', async (name, numbers) => {
  const actual = await lossOf(builders[name as keyof typeof expected]);
  for (const [index, number] of numbers.entries()) expect(actual[index]).toBeCloseTo(number, 5);
});
