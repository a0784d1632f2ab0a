// Orders of removal, kept with what calibration found: they depend on the model and the samples, not on how much is to go, so another target
// needs no new measurements.
import { type CacheEntry, hashModel, hashOf } from '../../calibration/index.js';
import type { Model } from '../../ir/index.js';
import type { PassContext } from '../../pass/index.js';
import type { Branch } from './branches.js';
import type { OrderedGroups, RemovalOrder } from './choose-units.js';
import type { PrunableGroup } from './group-kind.js';

/** What the orders come from. */
export interface OrderSource {
  readonly model: Model;
  readonly groups: readonly PrunableGroup[];
  readonly importance: string;
  /** Groups that may go as a whole. */
  readonly branches: ReadonlyMap<PrunableGroup, Branch>;
}

/** What `find` gives, or gave in an earlier run. */
export async function keptOrders(
  source: OrderSource,
  { kept, random }: PassContext,
  find: () => Promise<OrderedGroups>,
): Promise<OrderedGroups> {
  if (!kept) return find();
  const { model, groups, importance, branches } = source;
  const names = groups.map((group) => `${group.name} ${group.units.length} ${branches.has(group)}`);
  const seed = String(random().next());
  const base = hashOf('removal order', hashModel(model), await kept.samplesHash(), importance, seed, ...names);
  const key = (at: number): string => hashOf(base, String(at));
  const entries = groups.map((_, at) => kept.cache.get(key(at)));
  if (entries.every((entry) => entry !== null)) return restored(entries, source);
  const found = await find();
  for (const [at, group] of groups.entries()) kept.cache.set(key(at), entryOf(group, found));
  return found;
}

function entryOf(group: PrunableGroup, { orders, unobservable }: OrderedGroups): CacheEntry {
  const known = orders.find((order) => order.group === group);
  if (!known) return { reason: [unobservable.get(group) ?? ''] };
  return { order: Float64Array.from(known.order), damage: known.damage };
}

function restored(entries: readonly CacheEntry[], { groups, branches }: OrderSource): OrderedGroups {
  const orders: RemovalOrder[] = [];
  const unobservable = new Map<PrunableGroup, string>();
  for (const [at, { order, damage, reason }] of entries.entries()) {
    const group = groups[at];
    const branch = branches.get(group);
    if (Array.isArray(reason)) unobservable.set(group, reason[0]);
    else if (order instanceof Float64Array && damage instanceof Float64Array)
      orders.push({ group, order: [...order], damage, ...(branch && { branch }) });
  }
  return { orders, unobservable };
}
