// The same training on onnxruntime and on TensorFlow.js: gradients agree, and so do the losses along the way.
import { describe, expect, it } from 'vitest';
import type { Sample } from '../../src/data/index.js';
import { createTfjsEngine, type Engine } from '../../src/engine/index.js';
import { cloneModel } from '../../src/ir/index.js';
import { loadModel } from '../../src/onnx/index.js';
import { Examples } from '../../src/training/examples/examples.js';
import { StepSessions } from '../../src/training/graphs/step-sessions.js';
import { train } from '../../src/training/index.js';
import { planLosses } from '../../src/training/losses/loss-plan.js';
import { TrainedWeights } from '../../src/training/weights/trained-weights.js';
import { engine, feedsFor, fixturePath, outputsOf } from '../fixture-models.js';
import { inputs, network, optionsOf } from './small-models.js';

const tfjs = createTfjsEngine('wasm');

describe('gradients', () => {
  it.each(['mlp', 'cnn-batchnorm', 'transformer-block', 'transformer-block-layernorm', 'resnet20_cifar10'])(
    '%s',
    async (name) => {
      const student = await loadModel(fixturePath(`${name}.onnx`));
      const feeds = feedsFor(student);
      const losses = planLosses(student, student, [{ name: 'logits', weight: 1 }]);
      const weights = TrainedWeights.of(student);
      const own = await outputsOf(student, feeds);
      const teacher = Object.fromEntries(
        losses
          .flatMap(({ pairs }) => pairs.flatMap((pair) => (pair.teacher ? [pair.teacher] : [])))
          .map((output) => {
            const tensor = own[output];
            // Another teacher than the student itself, whose gradients would be 0.
            const values = tensor.readFloat32().map((value, index) => value + Math.sin(index));
            return [
              output,
              new (tensor.constructor as new (...parts: unknown[]) => typeof tensor)('float32', tensor.shape, values),
            ];
          }),
      );
      const fixed = { student, weights: weights.names, losses, temperature: 2, projections: new Map(), engine };
      const step = async (candidate: Engine) => {
        const sessions = new StepSessions(fixed, candidate, 1);
        const result = await sessions.train({ feeds, teacher, labels: null }, weights.feeds());
        await sessions.close();
        return result;
      };
      const [expected, actual] = [await step(engine), await step(tfjs)];
      expect(Math.abs(actual.loss - expected.loss)).toBeLessThan(1e-4 * (1 + Math.abs(expected.loss)));
      for (const [weight, gradient] of expected.gradients) {
        const other = actual.gradients.get(weight)!;
        let [difference, norm] = [0, 0];
        for (const [index, value] of gradient.entries()) {
          difference += (value - other[index]) ** 2;
          norm += value ** 2;
        }
        expect(Math.sqrt(difference), weight).toBeLessThan(1e-4 * Math.sqrt(norm) + 1e-7);
      }
    },
  );
});

it('trains along the same course', async () => {
  const samples: Sample[] = [];
  for await (const feeds of inputs(60)) samples.push({ feeds, count: 1, targets: null, continues: false });
  const run = (backend: 'onnxruntime' | 'wasm') =>
    train(
      {
        student: cloneModel(network(2)),
        teacher: network(1),
        examples: new Examples(samples, null, 0.2),
        options: optionsOf({ batch: 16, epochs: 3, backend }),
        rate: 0.03,
      },
      { engine, seed: 3, signal: new AbortController().signal, finish: null, progress() {} },
    );
  const [native, wasm] = [await run('onnxruntime'), await run('wasm')];
  expect(wasm.losses).toHaveLength(native.losses.length);
  for (const [step, loss] of native.losses.entries())
    expect(Math.abs(wasm.losses[step] - loss)).toBeLessThan(1e-4 * (1 + loss));
});
