// Where a network hands its state from one block to the next: the sums of a branch and what it branched from (He et al. 2016).
import type { Graph, Node, Value } from '../../ir/index.js';
import { isFloat } from '../../tensor/index.js';

/**
 * The Add nodes that close a residual branch, in order: both operands were computed with weights from something they have in common, and between
 * that and the sum there are weights again. (Rotary embeddings and polynomials of one value add up without.)
 */
export function findResidualSums(graph: Graph): Node[] {
  const { moving, weighted } = weightedValues(graph);
  const multiplies = (value: Value): boolean =>
    multipliesWeights(value) || (value.producer !== null && takesIntegerWeights(value.producer, moving));
  return [...graph.nodes()].filter((node) => {
    if (!node.is('Add')) return false;
    const [a, b] = [node.input(0), node.input(1)];
    if (!a || !b || a === b || !weighted.has(a) || !weighted.has(b)) return false;
    const [first, second] = [ancestors(a, weighted), ancestors(b, weighted)];
    const shared = new Set([...first].filter((value) => second.has(value)));
    if (shared.size === 0) return false;
    return [...first, ...second].some((value) => !shared.has(value) && multiplies(value));
  });
}

/** Whether the node that computes `value` takes weights of two and more axes, or holds graphs that may. */
function multipliesWeights({ producer }: Value): boolean {
  if (!producer || producer.subgraphs().length > 0) return producer !== null;
  return producer.inputs.some((input) => input !== null && (weightRank(input) ?? 0) > 1);
}

/** Where operators that multiply by integers take their weights. */
const integerProducts: Readonly<Record<string, number>> = {
  MatMulInteger: 1,
  ConvInteger: 1,
  QLinearMatMul: 3,
  QLinearConv: 3,
  'com.microsoft::MatMulNBits': 1,
  'com.microsoft::DynamicQuantizeMatMul': 1,
};

/** Whether a node multiplies by integers that do not depend on inputs of the graph: stored, or decoded from what is. */
function takesIntegerWeights(node: Node, moving: ReadonlySet<Value>): boolean {
  const index = integerProducts[node.qualifiedType];
  const weight = index === undefined ? null : node.input(index);
  return weight !== null && !moving.has(weight);
}

/** Values that depend on inputs of the graph, and those of them that weights go into. */
function weightedValues(graph: Graph): { moving: ReadonlySet<Value>; weighted: ReadonlySet<Value> } {
  const moving = new Set<Value>(graph.inputs.filter(({ isInitializer }) => !isInitializer));
  const weighted = new Set<Value>();
  for (const node of graph.nodes()) {
    const operands = node.inputs.filter((input) => input !== null);
    const moves = operands.some((input) => moving.has(input));
    const takesWeights =
      operands.some((input) => weighted.has(input) || isWeight(input)) || takesIntegerWeights(node, moving);
    for (const output of node.outputs) {
      if (!output || !moves) continue;
      moving.add(output);
      if (takesWeights && !node.is('Shape', 'Size')) weighted.add(output);
    }
  }
  return { moving, weighted };
}

function isWeight(value: Value): boolean {
  return weightRank(value) !== null;
}

/** Number of axes longer than 1 of a float weight, which may be reached through a Transpose or the like; null for anything else. */
function weightRank(value: Value): number | null {
  let current: Value | null = value;
  let quantized = false;
  for (let depth = 0; current && depth < 4; depth++) {
    const { constant } = current;
    if (constant) {
      if ((!isFloat(constant.dataType) && !quantized) || constant.size < 2) return null;
      return constant.shape.filter((length) => length > 1).length;
    }
    if (!current.producer?.is('Transpose', 'Identity', 'Cast', 'DequantizeLinear')) return null;
    quantized ||= current.producer.is('DequantizeLinear');
    current = current.producer.input(0);
  }
  return null;
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
