// How many units each group loses: the same share everywhere, or greedily where a saved unit of cost does the least damage, along the lower
// convex hull of each group's error curve, so that a cheap removal behind a dear one is found too.
import type { ChannelGroup } from '../../analysis/index.js';
import type { RemovalCost } from './removal-cost.js';

export interface Candidate {
  readonly group: ChannelGroup;
  /** Damage when k units are gone, comparable between groups; as long as the most that may go plus one. */
  readonly damage: ArrayLike<number>;
  /** Numbers of gone units that may be chosen, ascending, the first 0. */
  readonly allowed: readonly number[];
}

/** Units that may be gone so that what stays is a multiple of `multiple`, and at least one of it; 0 is always allowed. */
export function allowedCounts(units: number, multiple: number, most = units - 1): number[] {
  const counts: number[] = [0];
  for (let gone = 1; gone <= Math.min(most, units - 1); gone++) {
    if ((units - gone) % multiple === 0) counts.push(gone);
  }
  return counts;
}

/** Most points of one curve that are looked at. */
const mostPoints = 48;

/** Removes until `cost` is at most `target`; returns what could be done when it cannot be reached. */
export function allocateGreedily(
  candidates: readonly Candidate[],
  cost: RemovalCost,
  target: number,
): Map<ChannelGroup, number> {
  const removed = new Map<ChannelGroup, number>();
  const steps = new Map<Candidate, Step | null>();
  const byGroup = new Map(candidates.map((candidate) => [candidate.group, candidate]));
  let total = cost.total(removed);
  while (total > target) {
    let best: Step | null = null;
    for (const candidate of candidates) {
      let step = steps.get(candidate);
      if (step === undefined) {
        step = bestStep(candidate, cost, removed, total - target);
        steps.set(candidate, step);
      }
      if (step && (best === null || step.slope < best.slope)) best = step;
    }
    if (best === null) break;
    const before = cost.around(best.candidate.group, removed);
    removed.set(best.candidate.group, best.gone);
    total -= before - cost.around(best.candidate.group, removed);
    for (const neighbour of cost.neighbours(best.candidate.group)) {
      const candidate = byGroup.get(neighbour);
      if (candidate) steps.delete(candidate);
    }
    steps.delete(best.candidate);
  }
  return removed;
}

interface Step {
  readonly candidate: Candidate;
  readonly gone: number;
  /** Damage for each unit of cost that is saved. */
  readonly slope: number;
}

function bestStep(
  candidate: Candidate,
  cost: RemovalCost,
  removed: ReadonlyMap<ChannelGroup, number>,
  wanted: number,
): Step | null {
  const { group, damage } = candidate;
  const now = removed.get(group) ?? 0;
  const before = cost.around(group, removed);
  const trial = new Map(removed);
  let best: Step | null = null;
  for (const gone of thinned(candidate.allowed.filter((count) => count > now))) {
    trial.set(group, gone);
    const saved = before - cost.around(group, trial);
    if (saved <= 0) continue;
    // More than is wanted is not worth more.
    const slope = (damage[gone] - damage[now]) / Math.min(saved, Math.max(wanted, saved / 4));
    if (best === null || slope < best.slope) best = { candidate, gone, slope };
  }
  return best;
}

function thinned(counts: readonly number[]): readonly number[] {
  if (counts.length <= mostPoints) return counts;
  // The next ones all, the rest evenly.
  const near = counts.slice(0, mostPoints / 2);
  const rest = counts.slice(mostPoints / 2);
  const stride = Math.ceil(rest.length / (mostPoints / 2));
  return [...near, ...rest.filter((_, at) => at % stride === stride - 1 || at === rest.length - 1)];
}

/** About `share` of every group. */
export function allocateShare(candidates: readonly Candidate[], share: number): Map<ChannelGroup, number> {
  return new Map(candidates.map(({ group, allowed }) => [group, nearest(allowed, share * group.units.length)]));
}

/** The same share of every group, the least with which `cost` is at most `target`. */
export function allocateUniformly(
  candidates: readonly Candidate[],
  cost: RemovalCost,
  target: number,
): Map<ChannelGroup, number> {
  const atShare = (share: number): Map<ChannelGroup, number> => allocateShare(candidates, share);
  let [low, high] = [0, 1];
  if (cost.total(atShare(0)) <= target) return atShare(0);
  for (let round = 0; round < 24; round++) {
    const middle = (low + high) / 2;
    if (cost.total(atShare(middle)) <= target) high = middle;
    else low = middle;
  }
  return atShare(high);
}

/** The allowed count closest to `wanted`. */
export function nearest(allowed: readonly number[], wanted: number): number {
  return allowed.reduce((best, count) => (Math.abs(count - wanted) < Math.abs(best - wanted) ? count : best), 0);
}
