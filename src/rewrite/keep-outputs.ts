// Cutting a model down to what some of its outputs need.
import type { Model } from '../ir/index.js';

/** Removes all outputs of the main graph but these, and the nodes that only the others needed. Inputs and initializers stay. */
export function keepOutputs({ graph }: Model, names: ReadonlySet<string>): void {
  for (const output of [...graph.outputs]) if (!names.has(output.name)) graph.removeOutput(output);
  for (const node of [...graph.nodes()].reverse()) {
    if (!node.outputs.some((output) => output?.isUsed)) graph.remove(node);
  }
}
