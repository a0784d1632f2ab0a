// Which operators are refitted after units are gone: what summed over them, and in convolutional networks every linear operator behind them, as
// it can undo what earlier ones lost.
import { type ChannelGroup, type ChannelStructure, keptAxes, linearOperator } from '../../analysis/index.js';
import type { Node } from '../../ir/index.js';
import type { RefitTarget } from './observe-targets.js';

/** `removed`: units that are gone, by group; `units`: those of groups of which some are left. Call before anything is removed. */
export function refitTargets(
  { relations }: ChannelStructure,
  removed: ReadonlyMap<ChannelGroup, number>,
  units: ReadonlySet<number>,
): Map<Node, RefitTarget> {
  const kept = keptAxes(relations, units);
  const consumers = new Set<Node>();
  const emptied = new Set<Node>();
  for (const [group, gone] of removed) {
    if (gone === 0) continue;
    for (const node of group.consumers) (gone === group.units.length ? emptied : consumers).add(node);
  }
  const targets = new Map<Node, RefitTarget>();
  let behind = false;
  let touched = false;
  for (const node of relations.model.graph.nodes()) {
    touched ||= emptied.has(node) || consumers.has(node);
    if (emptied.has(node) || consumers.has(node)) behind ||= node.is('Conv', 'ConvTranspose');
    if (node.is('BatchNormalization') && touched) {
      targets.set(node, { node, channels: kept.of(relations.axes(node.output)?.[1]) });
      continue;
    }
    if (emptied.has(node) || !(consumers.has(node) || (behind && isLinear(node, relations.model)))) continue;
    const axes = relations.axes(node.output);
    targets.set(node, { node, channels: kept.of(node.is('Conv', 'ConvTranspose') ? axes?.[1] : axes?.at(-1)) });
  }
  return targets;
}

function isLinear(node: Node, model: ChannelStructure['relations']['model']): boolean {
  const operator = linearOperator(node, model);
  return operator !== null && typeof operator !== 'string';
}
