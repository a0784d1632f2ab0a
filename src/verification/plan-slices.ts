// Where two models can be cut so that each pair of parts fits into memory: at values that both compute under the same name.
import { type Model, type Node, operandsOf, type Value } from '../ir/index.js';
import { valuesByName } from './extract-part.js';

/** The names of the values that are handed over behind a slice, for each slice; the last hands over the graph outputs. */
export type SlicePlan = readonly (readonly string[])[];

/** Slices of at most `budget` bytes of weights where the model allows it; one node with more weights is a slice of its own. */
export function planSlices(original: Model, result: Model, budget: number): SlicePlan {
  const nodes = [...original.graph.nodes()];
  const lastUse = lastUses(nodes, original);
  const shared = valuesByName(result.graph);
  const plan: string[][] = [];
  const counted = new Set<Value>();
  let live = new Set<Value>();
  let bytes = 0;
  let cut: string[] | null = null;
  for (const [index, node] of nodes.entries()) {
    const added = weightBytes(node, counted);
    if (bytes > 0 && bytes + added > budget && cut) {
      plan.push(cut);
      bytes = 0;
      // What the new slice needs is loaded again, also when an earlier one had it.
      counted.clear();
    }
    bytes += counted.size === 0 ? weightBytes(node, counted) : added;
    for (const output of node.outputs) if (output?.isUsed) live.add(output);
    live = new Set([...live].filter((value) => lastUse.get(value)! > index));
    const names = [...live].map(({ name }) => name);
    cut =
      names.length > 0 && names.every((name) => shared.get(name)?.producer)
        ? names
        : cut && stillFits(cut, live)
          ? cut
          : null;
  }
  plan.push(original.graph.outputs.map(({ name }) => name));
  return plan;
}

/** A cut made some nodes ago holds as long as everything alive behind it is the same. */
function stillFits(cut: readonly string[], live: ReadonlySet<Value>): boolean {
  return cut.length === live.size && [...live].every(({ name }) => cut.includes(name));
}

function lastUses(nodes: readonly Node[], { graph }: Model): Map<Value, number> {
  const last = new Map<Value, number>();
  for (const [index, node] of nodes.entries()) for (const value of operandsOf(node)) last.set(value, index);
  for (const output of graph.outputs) last.set(output, Number.POSITIVE_INFINITY);
  return last;
}

function weightBytes(node: Node, counted: Set<Value>): number {
  let bytes = 0;
  for (const value of operandsOf(node)) {
    if (!value.constant || counted.has(value)) continue;
    counted.add(value);
    bytes += value.constant.byteLength;
  }
  return bytes;
}
