// Units in the order of how far the outputs of the model move without them, measured anew after every few that went: what two units do alike is
// only missed when both are gone. For groups of few units, such as heads.
import { readRows } from '../analysis/index.js';
import type { Model } from '../ir/index.js';
import type { PassContext } from '../pass/index.js';
import type { OrderedGroups, RemovalOrder } from './choose-units.js';
import { consumersOf, type GroupConsumer } from './consumer-problems.js';
import type { PrunableGroup } from './group-kind.js';
import { divergences, type OtherWeights, type Variant } from './variants.js';

/** Samples over which outputs are compared; with many variants fewer have to do. */
const comparedSamples = 256;
const leastCompared = 48;
/** Inferences for all measurements together, roughly. */
const mostRuns = 24_576;
/** Rounds in which half of the units are put in order; the others follow by their last scores. */
const rounds = 4;

interface Trial {
  readonly group: PrunableGroup;
  readonly consumers: readonly GroupConsumer[];
  readonly unit: number;
  /** How far outputs move without it and what went before, less how far they moved already. */
  score: number;
}

export async function orderByOutputError(
  groups: readonly PrunableGroup[],
  model: Model,
  context: PassContext,
): Promise<OrderedGroups> {
  const unobservable = new Map<PrunableGroup, string>();
  const trials: Trial[] = [];
  for (const group of groups) {
    const consumers = consumersOf(group, model, context.products, null);
    if (typeof consumers === 'string') unobservable.set(group, consumers);
    else for (const unit of group.units.keys()) trials.push({ group, consumers, unit, score: 0 });
  }
  const samples = Math.min(comparedSamples, Math.max(leastCompared, Math.floor(mostRuns / (2.5 * trials.length))));
  const gone = await sequence(trials, model, context, samples);
  return { orders: groups.flatMap((group) => orderOf(group, gone) ?? []), unobservable };
}

/** All trials in the order in which their units go. */
async function sequence(trials: Trial[], model: Model, context: PassContext, samples: number): Promise<Trial[]> {
  const gone: Trial[] = [];
  const perRound = Math.max(1, Math.ceil(trials.length / (2 * rounds)));
  const ahead = Math.ceil(trials.length / 2);
  let left = trials;
  for (let round = 0; round < rounds && left.length > 0; round++) {
    // Units that mattered most keep their scores.
    const candidates = round === 0 ? left : left.slice(0, ahead);
    const variants = candidates.map((trial) => without([...gone, trial]));
    const measured = await divergences(model, round === 0 ? variants : [without(gone), ...variants], context, samples);
    const before = round === 0 ? 0 : measured[0];
    for (const [at, trial] of candidates.entries()) {
      trial.score = Math.max(measured[at + (round === 0 ? 0 : 1)] - before, 0);
    }
    left = left.toSorted((a, b) => a.score - b.score);
    // A unit of each group stays.
    const next = left.filter(
      ({ group }) => gone.filter((other) => other.group === group).length < group.units.length - 1,
    );
    gone.push(...next.slice(0, perRound));
    left = left.filter((trial) => !gone.includes(trial));
  }
  return [...gone, ...left];
}

function orderOf(group: PrunableGroup, gone: readonly Trial[]): RemovalOrder | null {
  const own = gone.filter((trial) => trial.group === group);
  if (own.length === 0) return null;
  const damage = new Float64Array(own.length + 1);
  // What went earlier did less harm: later scores are never taken for smaller.
  for (let at = 0, least = 0; at < own.length; at++) {
    least = Math.max(least, own[at].score);
    damage[at + 1] = damage[at] + least;
  }
  return { group, order: own.map(({ unit }) => unit), damage };
}

/** The consumers with zeros for these units. */
function without(trials: readonly Trial[]): Variant {
  const variant = new Map<GroupConsumer['operator'], OtherWeights>();
  for (const { consumers, unit } of trials) {
    for (const { operator, blocks } of consumers) {
      const rows = variant.get(operator)?.rows ?? Float32Array.from(readRows(operator));
      for (let output = 0; output < operator.outputChannels; output++) {
        for (const feature of blocks[unit]) rows[output * operator.rowLength + feature] = 0;
      }
      variant.set(operator, { rows, bias: null });
    }
  }
  return variant;
}
