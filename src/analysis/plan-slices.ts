// Where two models can be cut so that each pair of parts fits into memory: at values that both compute under the same name.
import { type Model, type Node, operandsOf, type Value } from '../ir/index.js';
import { valuesByName } from '../rewrite/index.js';

export interface Slice {
  /** Names of the values that are handed over behind it: of the last slice the graph outputs. */
  readonly values: readonly string[];
  /** How many of the main graph's nodes lie in front of its end, in their order. */
  readonly end: number;
}

/** Slices of at most `budget` bytes of weights where the model allows it; one node with more weights is a slice of its own. */
export function planSlices(original: Model, result: Model, budget: number): Slice[] {
  const nodes = [...original.graph.nodes()];
  const lastUse = lastUses(nodes, original);
  const shared = valuesByName(result.graph);
  const plan: Slice[] = [];
  const counted = new Set<Value>();
  let live = new Set<Value>();
  let bytes = 0;
  let cut: Slice | null = null;
  for (const [index, node] of nodes.entries()) {
    const added = weightBytesOf(node, counted);
    if (bytes > 0 && bytes + added > budget && cut) {
      plan.push(cut);
      bytes = 0;
      // What the new slice needs is loaded again, also when an earlier one had it.
      counted.clear();
    }
    bytes += counted.size === 0 ? weightBytesOf(node, counted) : added;
    for (const output of node.outputs) if (output?.isUsed) live.add(output);
    live = new Set([...live].filter((value) => lastUse.get(value)! > index));
    const names = [...live].map(({ name }) => name);
    if (names.length > 0 && names.every((name) => shared.get(name)?.producer)) cut = { values: names, end: index + 1 };
    else if (cut && !stillFits(cut.values, live)) cut = null;
  }
  plan.push({ values: original.graph.outputs.map(({ name }) => name), end: nodes.length });
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

function weightBytesOf(node: Node, counted: Set<Value>): number {
  let bytes = 0;
  for (const value of operandsOf(node)) {
    if (!value.constant || counted.has(value)) continue;
    counted.add(value);
    bytes += value.constant.byteLength;
  }
  return bytes;
}

/** Bytes of the constants of all graphs of a model. */
export function weightBytes(model: Model): number {
  let bytes = 0;
  for (const graph of model.allGraphs())
    for (const value of graph.initializers) bytes += value.constant?.byteLength ?? 0;
  return bytes;
}
