// A teacher and data that training can be tried on in milliseconds.

import { z } from 'zod';
import type { Feeds } from '../../src/engine/index.js';
import { type Model, parseModel } from '../../src/ir/index.js';
import { createRandom, type Random } from '../../src/numeric/index.js';
import { float32Tensor } from '../../src/tensor/index.js';
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
