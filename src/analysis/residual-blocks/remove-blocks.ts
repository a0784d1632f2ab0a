// Leaving residual blocks out: what used the end of a block uses its beginning.
import type { Model, Node, Value } from '../../ir/index.js';
import { valuesByName } from '../../rewrite/index.js';
import type { ResidualBlock } from './find-residual-blocks.js';

/** Where blocks were left out: one gap for blocks in a row. */
export interface Gap {
  /** What the end of the last of the blocks was called. */
  readonly name: string;
  /** What stands for it now. */
  readonly value: Value;
  /** The inputs of nodes that took the end and take `value` now. */
  readonly uses: readonly { readonly node: Node; readonly index: number }[];
}

/**
 * Removes `blocks` of `model`. The beginning of each takes over the name of its end, for which it now stands; inputs and outputs of the model
 * keep their own. Gives the gaps, from the last to the first.
 */
export function removeBlocks({ graph }: Model, blocks: readonly ResidualBlock[]): Gap[] {
  const values = valuesByName(graph);
  // From the last to the first, so that the beginning of a block is never one that went already.
  const position = new Map([...values.keys()].map((name, index) => [name, index]));
  const order = [...blocks].sort((a, b) => position.get(b.to)! - position.get(a.to)!);
  let gaps: Gap[] = [];
  for (const { from, to } of order) {
    const [start, end] = [values.get(from)!, values.get(to)!];
    const behind = gaps.find(({ value }) => value === end);
    gaps = gaps.filter((gap) => gap !== behind);
    const uses = [...end.uses].map(({ node, index }) => ({ node, index }));
    bypassBlock(start, end);
    gaps.push({ name: behind?.name ?? to, value: start, uses });
  }
  for (const node of [...graph.nodes()].reverse()) {
    if (node.outputs.every((output) => !output?.isUsed)) graph.remove(node);
  }
  for (const value of [...graph.initializers]) if (!value.isUsed && !value.isGraphInput) graph.removeInitializer(value);
  return gaps.map((gap) => ({ ...gap, uses: gap.uses.filter(({ node }) => node.graph !== null) }));
}

function bypassBlock(start: Value, end: Value): void {
  if (end.isGraphOutput) {
    end.replaceAllUsesWith(start);
    return;
  }
  const { name } = end;
  for (const use of [...end.uses]) use.node.replaceInput(use.index, start);
  if (!start.producer || start.isGraphOutput) return;
  end.rename(start.producer.graph!.scope.uniqueName(`${name}_left_out`));
  start.rename(name);
}
