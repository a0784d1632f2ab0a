// In which order the units of each group go, and what that costs: by their weights, by what they compute, or by what consumers lose when they
// were refitted.

import { type ChannelStructure, readBias, readRows } from '../../analysis/index.js';
import type { Model } from '../../ir/index.js';
import type { PassContext } from '../../pass/index.js';
import { scaledCurve } from '../budget/damage-curve.js';
import { divergences, type OtherWeights, type Variant } from '../budget/variants.js';
import { type ActivationImportance, activationScores } from './activation-scores.js';
import type { Branch } from './branches.js';
import { blockProblems, consumersOf, type GroupConsumer, observersOf, rowsOfProblems } from './consumer-problems.js';
import { type Elimination, eliminateBlocks } from './eliminate-blocks.js';
import type { PrunableGroup } from './group-kind.js';
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

/** Samples over which outputs are compared: fewer with many variants. */
const comparedSamples = { most: 128, least: 64 } as const;
const mostRuns = 8192;
/** The share of a group whose absence is measured. More points made results worse: what one group does alone to the outputs saturates. */
const measuredShare = 1 / 2;
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

/** The least important go first; damage adds up. */
export function orderOfScores(group: PrunableGroup, scores: Float64Array): RemovalOrder {
  const order = ascending(scores);
  const damage = new Float64Array(order.length + 1);
  for (const [at, unit] of order.entries()) damage[at + 1] = damage[at] + scores[unit];
  return { group, order, damage };
}

/**
 * By what the consumers lose (`eliminateBlocks`), as damage to the outputs: each group's curve is scaled so that half of the group, gone
 * alone with consumers refitted, costs what was measured. Groups whose consumers cannot be observed come back with the reason. `given`: orders in which
 * units go, where something else than the errors decides about that.
 */
export async function orderByReconstruction(
  groups: readonly PrunableGroup[],
  model: Model,
  context: PassContext,
  branches: ReadonlyMap<PrunableGroup, Branch>,
  given: ReadonlyMap<PrunableGroup, readonly number[]> = new Map(),
): Promise<OrderedGroups> {
  const { consumers, unobservable } = await observeConsumers(groups, model, context);
  const trials: { group: PrunableGroup; elimination: Elimination; half: number; variants: Variant[] }[] = [];
  for (const [group, own] of consumers) {
    const count = group.units.length - 1;
    const half = Math.max(1, Math.floor(measuredShare * group.units.length));
    const damping = dampingOf(own);
    const elimination = eliminateBlocks(blockProblems(own), {
      count,
      ridge: damping,
      keepAt: [half],
      order: given.get(group),
    });
    context.progress(trials.length, consumers.size);
    await nextTurn();
    if (!elimination) {
      unobservable.set(group, 'its consumers see nothing but zeros');
      continue;
    }
    const variants = elimination.weights.map((weights) => variantOf(own, weights, model));
    const branch = branches.get(group);
    trials.push({ group, elimination, half, variants: branch ? [...variants, silenced(branch)] : variants });
  }
  const variants = trials.flatMap((trial) => trial.variants);
  const { most, least } = comparedSamples;
  const samples = Math.min(most, Math.max(least, Math.floor(mostRuns / Math.max(variants.length, 1))));
  const measured = await divergences(model, variants, context, samples);
  const orders = trials.map(({ group, elimination: { order, errors }, half, variants }): RemovalOrder => {
    const own = measured.splice(0, variants.length);
    const damage = scaledCurve(errors, [[half, own[0]]]);
    const branch = branches.get(group);
    if (!branch) return { group, order, damage };
    const whole = Math.max(own[1], damage[damage.length - 1]);
    const last = [...group.units.keys()].filter((unit) => !order.includes(unit));
    return { group, order: [...order, ...last], damage: Float64Array.of(...damage, whole), branch };
  });
  return { orders, unobservable };
}

/** What is added to the diagonal of second moments, relative to its mean. */
export function dampingOf(consumers: readonly GroupConsumer[]): number {
  return consumers.some(({ operator }) => operator.kind === 'conv') ? ridge.convolution : ridge.matrix;
}

/** Second moments of what sums over the units of each group, on all samples. */
export async function observeConsumers(groups: readonly PrunableGroup[], model: Model, context: PassContext) {
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
export function variantOf(
  consumers: readonly GroupConsumer[],
  weights: readonly Float64Array[],
  model: Model,
): Variant {
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
