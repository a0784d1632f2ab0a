// Channel groups as a table, for people: what makes the units, what sums over them, what else goes along, and how many go.
import type { ChannelGroup } from '../../analysis/index.js';
import { type Node, nodeLabel } from '../../ir/index.js';
import type { PassRecord } from '../../pass/index.js';
import type { PrunableGroup } from './group-kind.js';

/** `removed`: units that go, by group. */
export function recordGroups(
  groups: readonly PrunableGroup[],
  removed: ReadonlyMap<ChannelGroup, number>,
  record: PassRecord,
): void {
  record.table(
    ['group', 'kind', 'units', 'left', 'made by', 'summed over by', 'weights'],
    groups.map((group) => [
      group.name,
      group.isStream ? `${group.kind}, stream` : group.kind,
      String(group.units.length),
      String(group.units.length - (removed.get(group) ?? 0)),
      listed(group.producers),
      listed(group.consumers),
      String(new Set(group.parts.map(({ operand }) => operand.value)).size),
    ]),
  );
}

function listed(nodes: readonly Node[]): string {
  const [first, ...others] = nodes;
  if (!first) return '';
  return others.length > 0 ? `${nodeLabel(first)} and ${others.length} more` : nodeLabel(first);
}
