// The range outside which the activations behind a value cut it off: there any value beyond the bound computes the same.
import type { Node, Value } from '../../ir/index.js';
import { clipBounds } from '../../ops/index.js';

export interface Saturation {
  /** Values up to this one are all alike; −∞: none are. */
  readonly low: number;
  /** Values from this one on are all alike; ∞: none are. */
  readonly high: number;
}

/** Of everything that takes `value`; null where something tells all values apart. */
export function saturationOf(value: Value): Saturation | null {
  if (value.isGraphOutput || value.uses.size === 0) return null;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { node, index } of value.uses) {
    const own = index === 0 ? boundsOf(node) : null;
    if (!own) return null;
    low = Math.min(low, own.low);
    high = Math.max(high, own.high);
  }
  return low === Number.NEGATIVE_INFINITY && high === Number.POSITIVE_INFINITY ? null : { low, high };
}

function boundsOf(node: Node): Saturation | null {
  if (node.is('Relu')) return { low: 0, high: Number.POSITIVE_INFINITY };
  return node.is('Clip') ? clipBounds(node) : null;
}

/** The value nearest to `reached` that computes the same as `target`. */
export function nearestAlike(target: number, reached: number, { low, high }: Saturation): number {
  if (target <= low) return Math.min(low, reached);
  return target >= high ? Math.max(high, reached) : target;
}
