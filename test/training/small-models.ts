// A teacher and data that training can be tried on in milliseconds.

import { z } from 'zod';
import type { Feeds } from '../../src/engine/index.js';
import { type Model, parseModel } from '../../src/ir/index.js';
import { createRandom, type Random } from '../../src/numeric/index.js';
import { float32Tensor } from '../../src/tensor/index.js';
import { Examples } from '../../src/training/examples/examples.js';
import { type TrainingOptions, trainingOptions } from '../../src/training/index.js';

export function network(seed: number, hidden = 6): Model {
  const random = createRandom(seed);
  const list = (count: number): string => Array.from({ length: count }, () => random.normal().toFixed(4)).join(', ');
  return parseModel(`<ir_version: 8, opset_import: ["": 17]>
    g (float[n,4] x) => (float[n,3] y)
    <float[4,${hidden}] w1 = {${list(4 * hidden)}}, float[${hidden}] b1 = {${list(hidden)}}, float[${hidden},3] w2 = {${list(3 * hidden)}}> {
      h = Gemm (x, w1, b1)
      a = Tanh (h)
      y = MatMul (a, w2)
    }`);
}

function draw(random: Random): Feeds {
  return {
    x: float32Tensor(
      [1, 4],
      Float32Array.from({ length: 4 }, () => random.normal()),
    ),
  };
}

/** The same examples each time. */
export function inputs(count: number): AsyncIterable<Feeds> {
  return {
    async *[Symbol.asyncIterator]() {
      const random = createRandom(11);
      for (let i = 0; i < count; i++) yield draw(random);
    },
  };
}

export function optionsOf(given: z.input<z.ZodObject<typeof trainingOptions>>): TrainingOptions {
  return z.strictObject(trainingOptions).parse({ threads: 1, ...given });
}

/** Three products of matrices wide enough to be stored in blocks: x [n, `inputs`] → 64 → `middle` → y [n, 5]. */
export function matrixNetwork(inputs: number, middle: number): Model {
  const model = parseModel(`<ir_version: 10, opset_import: ["": 21]>
    g (float[n,${inputs}] x) => (float[n,5] y) <float[1] w1 = {0}, float[1] w2 = {0}, float[1] w3 = {0}> {
      a = MatMul (x, w1)
      b = Tanh (a)
      c = Gemm <transB = 1> (b, w2)
      d = Tanh (c)
      y = MatMul (d, w3)
    }`);
  const random = createRandom(4);
  const shapes: Record<string, readonly number[]> = { w1: [inputs, 64], w2: [middle, 64], w3: [middle, 5] };
  for (const value of model.graph.initializers) {
    const shape = shapes[value.name];
    const values = Float32Array.from({ length: shape[0] * shape[1] }, () => random.normal() / 8);
    value.constant = float32Tensor(shape, values);
  }
  return model;
}

/** 160 examples for it, a fifth held out. */
export function matrixExamples(inputs: number): Examples {
  const random = createRandom(6);
  const draw = () => ({
    x: float32Tensor(
      [1, inputs],
      Float32Array.from({ length: inputs }, () => random.normal()),
    ),
  });
  const samples = Array.from({ length: 160 }, () => ({ feeds: draw(), count: 1, targets: null, continues: false }));
  return new Examples(samples, null, 0.2);
}

/** Two rows for it. */
export function matrixFeeds(inputs: number): Feeds {
  return {
    x: float32Tensor(
      [2, inputs],
      Float32Array.from({ length: 2 * inputs }, (_, i) => Math.sin(i)),
    ),
  };
}
