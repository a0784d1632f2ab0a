// What tests of the dependency graph share: models with random weights, and the comparison of removed with zeroed units.
import { findChannelGroups, removeUnits, zeroUnits } from '../../../src/analysis/index.js';
import type { Feeds } from '../../../src/engine/index.js';
import { cloneModel, type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { float32Tensor, sizeOf } from '../../../src/tensor/index.js';
import { engine, outputsOf, relativeError } from '../../fixture-models.js';

/** A model whose weights, written `{...}`, are random. */
export function randomModel(text: string): Model {
  const random = createRandom(7);
  return parseModel(text, {
    elided: (_name, _type, shape) =>
      float32Tensor(
        shape,
        Float32Array.from({ length: sizeOf(shape) }, () => 0.2 + random.normal()),
      ),
  });
}

/** For each group, how far removing some of its units is from zeroing them; relative to the largest output. */
export async function removalErrors(
  model: Model,
  feeds: Feeds,
): Promise<{ name: string; units: number; error: number }[]> {
  const { groups } = await findChannelGroups(model, engine);
  const errors: { name: string; units: number; error: number }[] = [];
  for (const [at, { name, units }] of groups.entries()) {
    const chosen = [...units.keys()].filter((unit) => unit % 3 === 1);
    const zeroed = cloneModel(model);
    const before = await findChannelGroups(zeroed, engine);
    zeroUnits(before.relations, before.groups[at], chosen);
    const removed = cloneModel(model);
    const { relations, groups: own } = await findChannelGroups(removed, engine);
    removeUnits(relations, new Set(chosen.map((unit) => own[at].units[unit])));
    const [expected, actual] = [await outputsOf(zeroed, feeds), await outputsOf(removed, feeds)];
    const error = Math.max(
      ...Object.entries(expected).map(([output, tensor]) => relativeError(actual[output], tensor)),
    );
    errors.push({ name, units: units.length, error });
  }
  return errors;
}

/** Sizes of the groups, by the name of the node that makes their channels. */
export async function groupSizes(model: Model): Promise<Record<string, number>> {
  const { groups } = await findChannelGroups(model, engine);
  return Object.fromEntries(groups.map(({ name, units }) => [name, units.length]));
}
