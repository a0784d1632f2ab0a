// Damaged models, each the same at every run: dsopt accepts it or refuses it with an error of its own. bench/fuzz does it with
// many more; a case that it finds is kept here, by the seed and number of the damage done to a fixture.
import { expect, test } from 'vitest';
import { exerciseModel } from '../../bench/fuzz/exercise-model.js';
import { fuzzCase } from '../../bench/fuzz/fuzz-case.js';
import { fixturePath } from '../fixture-models.js';

/** Small models of different make: subgraphs, local functions, optional inputs, quantized operators. */
const files = ['if-branches', 'local-functions', 'optional-inputs', 'qdq', 'sequences', 'shared-initializers'].map(
  (name) => fixturePath(`${name}.onnx`),
);

const casesPerSeed = 25;

test.each([1, 2, 3])('seed %d', async (seed) => {
  const outcomes = new Set<string>();
  for (let index = 0; index < casesPerSeed; index++) {
    const { bytes } = fuzzCase(files, seed, index);
    outcomes.add(await exerciseModel(bytes).catch((cause) => Promise.reject(new Error(`case ${index}`, { cause }))));
  }
  // Damage of both kinds: what is still a model, and what is none.
  expect(outcomes).toEqual(new Set(['accepted', 'refused']));
});
