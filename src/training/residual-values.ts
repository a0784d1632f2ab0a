// Where a network hands its state from one block to the next: the sums of a branch and what it branched from (He et al. 2016).
import type { Graph, Node, Value } from '../ir/index.js';

/** The Add nodes that close a residual branch, in order: both operands were computed with weights, from something they have in common. */
export function findResidualSums(graph: Graph): Node[] {
  const weighted = weightedValues(graph);
  return [...graph.nodes()].filter((node) => {
    if (!node.is('Add')) return false;
    const [a, b] = [node.input(0), node.input(1)];
    if (!a || !b || a === b || !weighted.has(a) || !weighted.has(b)) return false;
    const before = ancestors(a, weighted);
    if (before.has(b)) return true;
    return [...ancestors(b, weighted)].some((value) => before.has(value));
  });
}

/** Values computed from inputs of the graph and from float weights. */
function weightedValues(graph: Graph): Set<Value> {
  const moving = new Set<Value>(graph.inputs.filter(({ isInitializer }) => !isInitializer));
  const weighted = new Set<Value>();
  for (const node of graph.nodes()) {
    const operands = node.inputs.filter((input) => input !== null);
    const moves = operands.some((input) => moving.has(input));
    const takesWeights = operands.some((input) => weighted.has(input) || isWeight(input));
    for (const output of node.outputs) {
      if (!output || !moves) continue;
      moving.add(output);
      if (takesWeights && !node.is('Shape', 'Size')) weighted.add(output);
    }
  }
  return weighted;
}

/** Weights reached through a Transpose or the like count too. */
function isWeight(value: Value): boolean {
  let current: Value | null = value;
  for (let depth = 0; current && depth < 4; depth++) {
    if (current.constant) return current.constant.dataType.startsWith('float') && current.constant.size > 1;
    if (!current.producer?.is('Transpose', 'Identity', 'Cast', 'DequantizeLinear')) return false;
    current = current.producer.input(0);
  }
  return false;
}

/** `value` and all that it is computed from, within `among`. */
function ancestors(value: Value, among: ReadonlySet<Value>): Set<Value> {
  const found = new Set<Value>([value]);
  const waiting = [value];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    for (const input of next.producer?.inputs ?? []) {
      if (!input || found.has(input) || !among.has(input)) continue;
      found.add(input);
      waiting.push(input);
    }
  }
  return found;
}

/** Softmax nodes whose result weighs values: attention distributions. */
export function findAttention(graph: Graph): Node[] {
  return [...graph.nodes()].filter(
    (node) =>
      node.is('Softmax') && [...node.output.uses].some(({ node: user, index }) => index === 0 && weighs(user, 0)),
  );
}

function weighs(node: Node, depth: number): boolean {
  if (node.is('MatMul')) return true;
  if (depth > 2 || !node.is('Cast', 'Dropout', 'Identity', 'Where', 'Mul')) return false;
  return [...node.output.uses].some(({ node: user }) => weighs(user, depth + 1));
}
