// Units in the order of how far the outputs of the model move when each alone is gone and its consumers are refitted. For groups of few units, such as heads. (Measuring anew after
// some went made results worse: units were taken whose absence happened to cancel what the absence of others did before the repair.)
import { readRows } from '../../analysis/index.js';
import type { Model } from '../../ir/index.js';
import type { PassContext } from '../../pass/index.js';
import { divergences, type OtherWeights, type Variant } from '../budget/variants.js';
import { dampingOf, type OrderedGroups, observeConsumers, orderOfScores, variantOf } from './choose-units.js';
import { blockProblems, type GroupConsumer } from './consumer-problems.js';
import { eliminateEach } from './eliminate-blocks.js';
import type { PrunableGroup } from './group-kind.js';

/** Samples over which outputs are compared; with many variants fewer have to do. */
const comparedSamples = { most: 128, least: 32 } as const;
/** Inferences for all measurements together, roughly. */
const mostRuns = 12_288;

export async function orderByOutputError(
  groups: readonly PrunableGroup[],
  model: Model,
  context: PassContext,
): Promise<OrderedGroups> {
  const { consumers, unobservable } = await observeConsumers(groups, model, context);
  const trials: { readonly group: PrunableGroup; readonly unit: number; readonly variant: Variant }[] = [];
  for (const [group, own] of consumers) {
    const refitted = eliminateEach(blockProblems(own), dampingOf(own));
    for (const unit of group.units.keys()) {
      const variant = refitted ? variantOf(own, refitted[unit], model) : without(own, unit);
      trials.push({ group, unit, variant });
    }
  }
  const { most, least } = comparedSamples;
  const measured = await divergences(
    model,
    trials.map(({ variant }) => variant),
    context,
    Math.min(most, Math.max(least, Math.floor(mostRuns / Math.max(trials.length, 1)))),
  );
  const scores = new Map<PrunableGroup, Float64Array>();
  for (const [at, { group, unit }] of trials.entries()) {
    const own = scores.get(group) ?? new Float64Array(group.units.length);
    scores.set(group, own);
    own[unit] = measured[at];
  }
  return { orders: [...scores].map(([group, own]) => orderOfScores(group, own)), unobservable };
}

/** The consumers with zeros for this unit. */
function without(consumers: readonly GroupConsumer[], unit: number): Variant {
  return new Map(
    consumers.map(({ operator, blocks }): [GroupConsumer['operator'], OtherWeights] => {
      const rows = Float32Array.from(readRows(operator));
      for (let output = 0; output < operator.outputChannels; output++) {
        for (const feature of blocks[unit]) rows[output * operator.rowLength + feature] = 0;
      }
      return [operator, { rows, bias: null }];
    }),
  );
}
