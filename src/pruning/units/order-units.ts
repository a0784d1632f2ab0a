// In which order the units of each group go and what that costs, by the importance that was asked for. With samples, importances that only compare the
// units of a group leave it to measurements how many of each group go.
import type { ChannelStructure } from '../../analysis/index.js';
import { usageError } from '../../errors.js';
import type { PassContext } from '../../pass/index.js';
import type { StructuredOptions } from '../structured-options.js';
import type { ActivationImportance } from './activation-scores.js';
import { type Branch, branchOf } from './branches.js';
import {
  type OrderedGroups,
  orderByActivations,
  orderByReconstruction,
  orderByWeights,
  type RemovalOrder,
} from './choose-units.js';
import type { PrunableGroup } from './group-kind.js';
import { keptOrders } from './kept-orders.js';
import { orderByOutputError } from './order-by-output-error.js';
import type { WeightImportance } from './weight-scores.js';

type SampledImportance = 'reconstruction' | 'output-error' | ActivationImportance;

/** Throws USAGE where the importance needs samples and there are none. Groups that cannot be observed are recorded as skipped. */
export async function orderUnits(
  groups: readonly PrunableGroup[],
  structure: ChannelStructure,
  { importance: wanted, scope, branches, reconstruct }: StructuredOptions,
  context: PassContext,
): Promise<RemovalOrder[]> {
  const { model } = structure.relations;
  const importance = wanted === 'auto' ? (context.samples ? defaultImportance(groups) : 'l2') : wanted;
  if (needsSamples(importance) && !context.samples) {
    throw usageError(`importance ${importance} needs real inputs of the model`, 'Give data with --calibration-data.');
  }
  const isMeasured = importance === 'reconstruction' || importance === 'output-error';
  const measures = !isMeasured && context.samples !== null && reconstruct && scope === 'auto';
  if (!needsSamples(importance) && !measures) return orderByWeights(groups, model, importance, context);
  const whole = branches && importance !== 'output-error' ? branchesOf(groups, structure) : new Map();
  const source = { model, groups, importance: measures ? `${importance}, measured` : importance, branches: whole };
  const { orders, unobservable } = await keptOrders(source, context, async () => {
    const found = await orderBy(importance, groups, structure, whole, context);
    return measures ? measureDamage(found, structure, whole, context) : found;
  });
  for (const [{ producers }, reason] of unobservable) {
    context.record.skipped(producers[0], `what its units are worth cannot be observed: ${reason}`);
  }
  return orders;
}

function defaultImportance(groups: readonly PrunableGroup[]): 'reconstruction' | 'output-error' {
  return groups.every(({ kind }) => kind === 'heads') ? 'output-error' : 'reconstruction';
}

function needsSamples(importance: SampledImportance | WeightImportance): importance is SampledImportance {
  return ['reconstruction', 'output-error', 'activation', 'taylor', 'fisher'].includes(importance);
}

async function orderBy(
  importance: SampledImportance | WeightImportance,
  groups: readonly PrunableGroup[],
  structure: ChannelStructure,
  branches: ReadonlyMap<PrunableGroup, Branch>,
  context: PassContext,
): Promise<OrderedGroups> {
  const { model } = structure.relations;
  switch (importance) {
    case 'reconstruction':
      return orderByReconstruction(groups, model, context, branches);
    case 'output-error':
      return orderByOutputError(groups, model, context);
    case 'activation':
    case 'taylor':
    case 'fisher':
      return orderByActivations(groups, structure, importance, context);
    default:
      return { orders: orderByWeights(groups, model, importance, context), unobservable: new Map() };
  }
}

/** The same orders, with the damage that they do when consumers are refitted. */
async function measureDamage(
  { orders, unobservable }: OrderedGroups,
  { relations }: ChannelStructure,
  branches: ReadonlyMap<PrunableGroup, Branch>,
  context: PassContext,
): Promise<OrderedGroups> {
  const given = new Map(orders.map(({ group, order }) => [group, order]));
  const measured = await orderByReconstruction([...given.keys()], relations.model, context, branches, given);
  return { orders: measured.orders, unobservable: new Map([...unobservable, ...measured.unobservable]) };
}

function branchesOf(groups: readonly PrunableGroup[], structure: ChannelStructure): Map<PrunableGroup, Branch> {
  return new Map(
    groups.flatMap((group) => {
      const branch = branchOf(group, structure);
      return branch ? [[group, branch]] : [];
    }),
  );
}
