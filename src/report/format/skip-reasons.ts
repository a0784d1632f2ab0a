// Skipped targets by reason: models have hundreds of nodes, and few reasons.
import type { PassFacts } from '../schema/compression-report.js';

export interface SkipGroup {
  readonly reason: string;
  readonly targets: readonly string[];
}

/** Most frequent reason first. */
export function groupReasons(skipped: PassFacts['skipped']): SkipGroup[] {
  const groups = new Map<string, string[]>();
  for (const { target, reason } of skipped) {
    const targets = groups.get(reason);
    if (targets) targets.push(target);
    else groups.set(reason, [target]);
  }
  return [...groups]
    .map(([reason, targets]) => ({ reason, targets }))
    .sort((a, b) => b.targets.length - a.targets.length);
}
