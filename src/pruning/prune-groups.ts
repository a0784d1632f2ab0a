// Structured pruning: which units of which groups go, until a target is met, and their removal.
import { type ChannelGroup, type ChannelStructure, findChannelGroups, removeUnits } from '../analysis/index.js';
import { cloneModel, type Model, type Node } from '../ir/index.js';
import { type PassContext, parseShare } from '../pass/index.js';
import {
  allocateGreedily,
  allocateShare,
  allocateUniformly,
  allowedCounts,
  type Candidate,
} from './budget/allocate.js';
import { type CostMeasure, RemovalCost } from './budget/removal-cost.js';
import type { RefitTarget } from './repair/observe-targets.js';
import { referenceFor } from './repair/reference.js';
import { refit } from './repair/refit.js';
import { refitTargets } from './repair/refit-targets.js';
import type { StructuredOptions } from './structured-options.js';
import { removeBranches } from './units/branches.js';
import { classifyGroups, type GroupKind, type PrunableGroup } from './units/group-kind.js';
import { recordGroups } from './units/group-table.js';
import { allocateIsomorphically } from './units/isomorphic.js';
import { orderUnits } from './units/order-units.js';

const allocators = {
  local: allocateUniformly,
  global: allocateGreedily,
  isomorphic: allocateIsomorphically,
} as const;

/** Removes units of groups of these kinds from `model`. */
export async function pruneGroups(
  model: Model,
  kinds: readonly GroupKind[],
  options: StructuredOptions,
  context: PassContext,
): Promise<void> {
  const structure = await findChannelGroups(model, context.engine);
  const groups = chooseGroups(structure, kinds, options, context);
  if (groups.length === 0) return;
  const orders = await orderUnits(groups, structure, options, context);
  const candidates = orders.map(({ group, damage, branch }): Candidate => {
    const allowed = allowedCounts(group.units.length, options.multipleOf);
    if (branch) allowed.push(group.units.length);
    return { group, damage, allowed };
  });
  const { measure, share } = targetOf(options);
  const cost = RemovalCost.of({ ...structure, groups }, measure, options.channelBlock);
  const before = cost.total(new Map());
  const target = options.targetBytes
    ? options.targetBytes - overhead(structure)
    : measure === 'units'
      ? before - Math.floor(before * (1 - share) + 1e-6)
      : before * share;
  const scope = options.scope === 'auto' ? (context.samples ? 'global' : 'local') : options.scope;
  const removed =
    scope === 'local' && measure === 'units'
      ? allocateShare(candidates, 1 - share)
      : allocators[scope](candidates, cost, target);
  if (measure === 'units') warnOfEmptied(candidates, 1 - share, context);
  // The share of each group is rounded.
  if (scope === 'global' || measure !== 'units') {
    reportTarget(cost.total(removed), { before, target, measure }, context);
  }
  reportMacs({ ...structure, groups }, removed, context);
  recordGroups(groups, removed, context.record);
  const units = new Set<number>();
  for (const { group, order } of orders) {
    const gone = removed.get(group) ?? 0;
    const left = group.units.length - gone;
    if (gone === 0)
      context.record.skipped(group.producers[0], `all of its ${left} ${group.kind} matter more than others`);
    else
      context.record.changed(
        group.producers[0],
        `${group.units.length} → ${left} ${group.kind}${left === 0 ? ': the whole branch' : ''}`,
      );
    if (left > 0) for (const unit of order.slice(0, gone)) units.add(group.units[unit]);
  }
  const branches = orders.flatMap(({ group, branch }) =>
    branch && removed.get(group) === group.units.length ? [branch] : [],
  );
  if (units.size === 0 && branches.length === 0) return;
  const repair = options.reconstruct && context.samples !== null;
  const reference = repair ? cloneModel(model) : null;
  const targets = repair ? refitTargets(structure, removed, units) : new Map<Node, RefitTarget>();
  removeUnits(structure.relations, units);
  removeBranches(model, branches);
  if (reference)
    context.record.metric(
      'refittedOperators',
      await refit(model, referenceFor(reference, targets, context.prepared), targets, context),
    );
}

/** Groups that may shrink; every other target is recorded as skipped. */
function chooseGroups(
  structure: ChannelStructure,
  kinds: readonly GroupKind[],
  { streams }: StructuredOptions,
  { targets, record }: PassContext,
): PrunableGroup[] {
  const wanted = new Set<Node>(targets());
  for (const [node, reason] of structure.frozen) if (wanted.has(node)) record.skipped(node, reason);
  const ofKind = classifyGroups(structure).filter(
    ({ kind, producers }) => kinds.includes(kind) && producers.some((node) => wanted.has(node)),
  );
  if (streams) return ofKind;
  for (const { isStream, kind, producers } of ofKind) {
    const shared = kind === 'heads' ? 'several blocks share its heads' : `residual additions share its ${kind}`;
    if (isStream) record.skipped(producers[0], `${shared} (streams prunes them too)`);
  }
  return ofKind.filter(({ isStream }) => !isStream);
}

/** Share of the units that goes where nothing is asked for. */
const defaultRatio = 0.2;

/** What must shrink, and the share of it that may stay. */
function targetOf({ ratio, targetMacs, targetBytes, costModel }: StructuredOptions): {
  measure: CostMeasure;
  share: number;
} {
  if (targetBytes !== undefined) return { measure: 'bytes', share: 1 };
  if (targetMacs !== undefined)
    return { measure: costModel === 'padded' ? 'padded-macs' : 'macs', share: parseShare(targetMacs) };
  return { measure: 'units', share: 1 - (ratio ?? defaultRatio) };
}

/** Bytes of the file beside the weights that operators take. */
function overhead({ relations }: ChannelStructure): number {
  const counted = new Set(relations.operands.map(({ value }) => value));
  let bytes = 0;
  for (const value of relations.model.graph.initializers) {
    if (!counted.has(value)) bytes += value.constant?.byteLength ?? 0;
    bytes += bytesPerEntry;
  }
  return bytes + relations.model.graph.nodeCount * bytesPerEntry;
}

/** Names, attributes and lengths of a node or weight in a file, roughly. */
const bytesPerEntry = 120;

/** A ratio that rounds to all units of a group. */
function warnOfEmptied(candidates: readonly Candidate[], ratio: number, { record }: PassContext): void {
  const emptied = candidates.filter(({ group }) => Math.round(ratio * group.units.length) >= group.units.length);
  if (emptied.length === 0) return;
  record.warn(
    `The ratio would leave nothing of ${emptied.length} of ${candidates.length} groups: one unit of each stays.`,
  );
}

function reportTarget(
  after: number,
  { before, target, measure }: { before: number; target: number; measure: CostMeasure },
  { record }: PassContext,
): void {
  if (after <= target + 0.5) return;
  const share = (value: number): string => `${((100 * value) / before).toFixed(1)} %`;
  record.metric('targetMissed', 1);
  record.warn(
    `The target of ${share(target)} of the ${measure} cannot be met: ${share(after)} is left, though no group can lose more.`,
  );
}

function reportMacs(
  structure: ChannelStructure,
  removed: ReadonlyMap<ChannelGroup, number>,
  { record }: PassContext,
): void {
  const macs = RemovalCost.of(structure, 'macs');
  const before = macs.total(new Map());
  if (before > 0) record.metric('remainingMacsRatio', macs.total(removed) / before);
}
