// The same share of everything that is built alike, the least important units of it wherever they are (Fang et al., "Isomorphic Pruning for
// Vision Models", 2024): scores of like structures can be compared, those of unlike ones cannot.
import type { ChannelGroup } from '../../analysis/index.js';
import { allocateGreedily, type Candidate } from '../budget/allocate.js';
import { RemovalCost } from '../budget/removal-cost.js';

/** Removes until `cost` is at most `target`. */
export function allocateIsomorphically(
  candidates: readonly Candidate[],
  cost: RemovalCost,
  target: number,
): Map<ChannelGroup, number> {
  const classes = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const key = signature(candidate.group);
    classes.set(key, [...(classes.get(key) ?? []), candidate]);
  }
  const atShare = (share: number): Map<ChannelGroup, number> => {
    const removed = new Map<ChannelGroup, number>();
    for (const own of classes.values()) {
      const units = RemovalCost.ofUnits(own.map(({ group }) => group));
      const wanted = Math.round(units.total(new Map()) * (1 - share));
      for (const [group, gone] of allocateGreedily(own, units, wanted)) removed.set(group, gone);
    }
    return removed;
  };
  let [low, high] = [0, 1];
  for (let round = 0; round < 16; round++) {
    const middle = (low + high) / 2;
    if (cost.total(atShare(middle)) <= target) high = middle;
    else low = middle;
  }
  return atShare(high);
}

/** What a group is built of: operators and roles of all axes that shrink with it. */
function signature({ parts }: ChannelGroup): string {
  return parts
    .map(({ operand: { node, index }, axis, role }) => `${node.qualifiedType} ${index} ${axis} ${role ?? ''}`)
    .sort()
    .join();
}
