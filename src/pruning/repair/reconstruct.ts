// Repair of a model from the one that it was made of, whatever removed its parts.
import type { Model, Node } from '../../ir/index.js';
import type { PassContext } from '../../pass/index.js';
import { findLosses } from './find-losses.js';
import { refit } from './refit.js';

/** Refits what lost something, of the `wanted` nodes. Returns how many operators there were, and how many of them were refitted. */
export async function reconstructFrom(
  reference: Model,
  model: Model,
  wanted: ReadonlySet<Node>,
  context: PassContext,
): Promise<{ readonly found: number; readonly refitted: readonly Node[] }> {
  const losses = await findLosses(model, reference, context);
  for (const node of losses.keys()) if (!wanted.has(node)) losses.delete(node);
  const failed = new Set<Node>();
  const record = {
    ...context.record,
    skipped: (target: Node | string, reason: string) => {
      if (typeof target !== 'string') failed.add(target);
      context.record.skipped(target, reason);
    },
  };
  await refit(model, reference, losses, { ...context, record });
  return { found: losses.size, refitted: [...losses.keys()].filter((node) => !failed.has(node)) };
}
