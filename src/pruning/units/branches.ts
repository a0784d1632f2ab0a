// Groups that can go as a whole: all that their channels give is one side of residual additions (He et al., 2016), so that without them the
// other side takes the place of the sum, and the branch disappears from the graph.
import { type ChannelStructure, type LinearOperator, linearOperator } from '../../analysis/index.js';
import type { Model, Node, Value } from '../../ir/index.js';
import { shortcutOf } from '../repair/shortcut.js';
import type { PrunableGroup } from './group-kind.js';

export interface Branch {
  /** What sums over the channels of the group. */
  readonly consumers: readonly LinearOperator[];
  /** The sums that the branch goes into, and what else they add. */
  readonly ends: readonly { readonly sum: Value; readonly other: Value }[];
}

/** The branch that `group` is the inside of; null where something else takes its channels, or where shapes cannot be told. */
export function branchOf({ consumers }: PrunableGroup, { relations }: ChannelStructure): Branch | null {
  const operators: LinearOperator[] = [];
  const ends: { sum: Value; other: Value }[] = [];
  for (const node of consumers) {
    const operator = linearOperator(node, relations.model);
    if (operator === null || typeof operator === 'string') return null;
    const end = shortcutOf(operator, relations.model);
    if (!end || !isPlain(end.sum) || !sameShape(end.sum, end.other, relations)) return null;
    operators.push(operator);
    ends.push(end);
  }
  return ends.length > 0 ? { consumers: operators, ends } : null;
}

/** Used by nodes of the main graph only. */
function isPlain(sum: Value): boolean {
  const graph = sum.producer?.graph;
  return !sum.isGraphOutput && [...sum.uses].every(({ node }) => node.graph === graph);
}

function sameShape(a: Value, b: Value, relations: ChannelStructure['relations']): boolean {
  const [before, after] = [relations.axes(a), relations.axes(b)];
  if (!before || before.length !== after?.length) return false;
  return before.every(
    ({ length, symbol }, at) =>
      (length !== null || symbol !== null) && length === after[at].length && symbol === after[at].symbol,
  );
}

/** Takes branches out of `model`. What only they used goes too. */
export function removeBranches(model: Model, branches: Iterable<Branch>): void {
  const { graph } = model;
  for (const { ends } of branches) {
    for (const { sum, other } of ends) {
      for (const { node } of [...sum.uses]) if (isRepeatedRelu(node, other)) node.output.replaceAllUsesWith(other);
      sum.replaceAllUsesWith(other);
    }
  }
  for (const node of [...graph.nodes()].reverse()) {
    if (node.outputs.every((output) => !output?.isUsed)) graph.remove(node);
  }
  for (const value of [...graph.initializers]) {
    if (!value.isUsed && !value.isGraphInput) graph.removeInitializer(value);
  }
}

/** Relu of what is a Relu already. */
function isRepeatedRelu(node: Node, input: Value): boolean {
  return node.is('Relu') && input.producer?.is('Relu') === true && isPlain(node.output);
}
