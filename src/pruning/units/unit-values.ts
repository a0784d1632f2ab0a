// A value of the model along one axis of which the units of a group lie: what is observed when units are judged by what they compute.
import type { ChannelStructure } from '../../analysis/index.js';
import type { Value } from '../../ir/index.js';
import type { PrunableGroup } from './group-kind.js';

export interface UnitValue {
  readonly value: Value;
  readonly axis: number;
  /** For each coordinate of the axis the number of its unit; −1 for those of other groups. */
  readonly units: readonly number[];
}

/**
 * The last value before the first consumer of the group that has one coordinate for each unit, else the last one with several (the 32 channels
 * of a head); null where units only exist in weights.
 */
export function valueOfUnits(group: PrunableGroup, { relations }: ChannelStructure): UnitValue | null {
  const numbers = new Map(group.units.map((unit, at) => [unit, at]));
  const consumers = new Set(group.consumers);
  let found: UnitValue | null = null;
  for (const node of relations.model.graph.nodes()) {
    if (consumers.has(node)) break;
    for (const value of node.outputs) {
      for (const [axis, { first, length }] of (value && relations.axes(value))?.entries() ?? []) {
        const units = Array.from(
          { length: length ?? 0 },
          (_, at) => numbers.get(relations.classes.find(first + at)) ?? -1,
        );
        const covered = new Set(units.filter((unit) => unit >= 0)).size === numbers.size;
        if (!covered || (found && isPlain(found) && units.length !== numbers.size)) continue;
        found = { value: value!, axis, units };
      }
    }
  }
  return found;
}

function isPlain({ units }: UnitValue): boolean {
  return new Set(units).size === units.length;
}
