// The proof that the dependency graph is right: removed units and zeroed units give the same outputs, in every group of every fixture.
import { expect, test } from 'vitest';
import { loadModel } from '../../../src/onnx/index.js';
import { feedsFor, fixtureNames, fixturePath } from '../../fixture-models.js';
import { removalErrors } from './removal.js';

for (const name of fixtureNames) {
  test(`removing is zeroing in ${name}`, async () => {
    const model = await loadModel(fixturePath(name));
    for (const { name: group, error } of await removalErrors(model, feedsFor(model))) {
      expect(error, group).toBeLessThan(1e-4);
    }
  });
}
