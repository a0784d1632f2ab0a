// In which order the units of each group go, and what that costs: by their weights, by what they compute, or by what consumers lose when they
// were refitted.

import { type ChannelStructure, readBias, readRows } from '../analysis/index.js';
import type { Model } from '../ir/index.js';
import type { PassContext } from '../pass/index.js';
import { type ActivationImportance, activationScores } from './activation-scores.js';
import type { Branch } from './branches.js';
import { blockProblems, consumersOf, type GroupConsumer, observersOf, rowsOfProblems } from './consumer-problems.js';
import { type Elimination, eliminateBlocks } from './eliminate-blocks.js';
import type { PrunableGroup } from './group-kind.js';
import { divergences, type OtherWeights, type Variant } from './variants.js';
import { ascending, type WeightImportance, weightScores } from './weight-scores.js';

/** Numbers of the units of a group in the order in which they go, and the damage when the first k are gone. */
export interface RemovalOrder {
  readonly group: PrunableGroup;
  readonly order: readonly number[];
  readonly damage: Float64Array;
  /** What disappears when all units are gone, whose damage is then known too. */
  readonly branch?: Branch;
}

export interface OrderedGroups {
  readonly orders: RemovalOrder[];
  /** Groups of which nothing can be told, and why. */
  readonly unobservable: ReadonlyMap<PrunableGroup, string>;
}

/** Samples over which outputs are compared. */
const comparedSamples = 128;
/** Positions of each sample that go into second moments. */
const observedPositions = 256;
/** Relative to the mean of the diagonal of the second moments. */
const ridge = { convolution: 1e-3, matrix: 1e-2 } as const;

/** By weights alone: the damage is the share of all scores that is gone. */
export function orderByWeights(
  groups: readonly PrunableGroup[],
  model: Model,
  importance: WeightImportance,
  context: PassContext,
): RemovalOrder[] {
  const random = context.random();
  return groups.map((group) => orderOfScores(group, weightScores(group, model, importance, random.fork(group.name))));
}

/** By what the units compute, see `activationScores`. */
export async function orderByActivations(
  groups: readonly PrunableGroup[],
  structure: ChannelStructure,
  importance: ActivationImportance,
  context: PassContext,
): Promise<OrderedGroups> {
  const { scores, unobservable } = await activationScores(groups, structure, importance, context);
  return { orders: [...scores].map(([group, own]) => orderOfScores(group, own)), unobservable };
}

function orderOfScores(group: PrunableGroup, scores: Float64Array): RemovalOrder {
  const order = ascending(scores);
  const damage = new Float64Array(order.length + 1);
  for (const [at, unit] of order.entries()) damage[at + 1] = damage[at] + scores[unit];
  return { group, order, damage };
}

/**
 * By what the consumers lose (`eliminateBlocks`), as damage to the outputs: each group's curve is scaled so that half of the group, gone
 * alone with consumers refitted, costs what was measured. Groups whose consumers cannot be observed come back with the reason.
 */
export async function orderByReconstruction(
  groups: readonly PrunableGroup[],
  model: Model,
  context: PassContext,
  branches: ReadonlyMap<PrunableGroup, Branch>,
): Promise<OrderedGroups> {
  const { consumers, unobservable } = await observeConsumers(groups, model, context);
  const eliminated: { group: PrunableGroup; elimination: Elimination; half: number; variant: Variant }[] = [];
  for (const [group, own] of consumers) {
    const half = Math.max(1, Math.floor(group.units.length / 2));
    const damping = own.some(({ operator }) => operator.kind === 'conv') ? ridge.convolution : ridge.matrix;
    const elimination = eliminateBlocks(blockProblems(own), {
      count: group.units.length - 1,
      ridge: damping,
      keepAt: half,
    });
    context.progress(eliminated.length, consumers.size);
    await nextTurn();
    if (!elimination) {
      unobservable.set(group, 'its consumers see nothing but zeros');
      continue;
    }
    eliminated.push({ group, elimination, half, variant: variantOf(own, elimination, model) });
  }
  const withBranch = eliminated.filter(({ group }) => branches.has(group));
  const measured = await divergences(
    model,
    [...eliminated.map(({ variant }) => variant), ...withBranch.map(({ group }) => silenced(branches.get(group)!))],
    context,
    comparedSamples,
  );
  const gone = new Map(withBranch.map(({ group }, at) => [group, measured[eliminated.length + at]]));
  const orders = eliminated.map(({ group, elimination, half }, at): RemovalOrder => {
    const { order, errors } = elimination;
    const weight = errors[half] > 0 ? measured[at] / errors[half] : 0;
    const damage = errors.map((error) => error * weight);
    const branch = branches.get(group);
    if (!branch) return { group, order, damage };
    const whole = Math.max(gone.get(group)!, damage[damage.length - 1]);
    const missing =
      order.length < group.units.length ? [...group.units.keys()].filter((unit) => !order.includes(unit)) : [];
    return { group, order: [...order, ...missing], damage: Float64Array.of(...damage, whole), branch };
  });
  return { orders, unobservable };
}

async function observeConsumers(groups: readonly PrunableGroup[], model: Model, context: PassContext) {
  const consumers = new Map<PrunableGroup, GroupConsumer[]>();
  const unobservable = new Map<PrunableGroup, string>();
  const random = context.random();
  for (const group of groups) {
    const own = consumersOf(group, model, context.products, {
      most: observedPositions,
      random: random.fork(group.name),
    });
    if (typeof own === 'string') unobservable.set(group, own);
    else consumers.set(group, own);
  }
  const all = [...consumers.values()].flat();
  if (all.length > 0) await context.observe(observersOf(all), model);
  for (const { observer } of all) await observer.finish();
  return { consumers, unobservable };
}

/** Consumers that compute nothing: what is left when a branch is gone. */
function silenced({ consumers }: Branch): Variant {
  return new Map(
    consumers.map((operator) => [
      operator,
      {
        rows: new Float32Array(operator.outputChannels * operator.rowLength),
        bias: operator.biasSlot && new Float32Array(operator.outputChannels),
      },
    ]),
  );
}

/** The refitted weights of an elimination; biases make up for the mean of what is gone, as the moments are centred. */
function variantOf(consumers: readonly GroupConsumer[], { weights }: Elimination, model: Model): Variant {
  const variant = new Map<GroupConsumer['operator'], OtherWeights>();
  let at = 0;
  for (const { operator, observer } of consumers) {
    const rows = rowsOfProblems(operator, weights.slice(at, at + operator.groups));
    variant.set(operator, { rows, bias: shiftedBias(operator, observer, rows, model) });
    at += operator.groups;
  }
  return variant;
}

/** b + (W − W′)·mean(x), W′ being `rows`; null where the operator takes no bias of one value a channel. */
function shiftedBias(
  operator: GroupConsumer['operator'],
  { moments }: GroupConsumer['observer'],
  rows: Float32Array,
  model: Model,
): Float32Array | null {
  const bias = operator.biasSlot && readBias(operator, model);
  if (!bias) return null;
  const before = readRows(operator);
  const { rowLength, outputChannels, groups } = operator;
  return bias.map((value, output) => {
    const { sum, count } = moments[Math.floor((output * groups) / outputChannels)];
    let shifted = value;
    for (let feature = 0, at = output * rowLength; feature < rowLength; feature++, at++) {
      shifted += ((before[at] - rows[at]) * sum[feature]) / count;
    }
    return shifted;
  });
}

/** Lets signals and timers through between long computations. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
