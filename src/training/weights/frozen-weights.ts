// Weights of a quantized student that training leaves as they are, though gradients pass through them: integers that no float stands for.
import type { Graph, Node, Value } from '../../ir/index.js';
import { constantSource } from '../../ops/index.js';

interface Frozen {
  readonly node: Node;
  readonly reason: string;
}

/** Operators with weights: the operand that holds them. */
const holders: Readonly<Record<string, number>> = {
  MatMul: 1,
  Gemm: 1,
  Conv: 1,
  ConvTranspose: 1,
  Gather: 0,
  MatMulInteger: 1,
  ConvInteger: 1,
  'com.microsoft::MatMulNBits': 1,
  'com.microsoft::MatMulBnb4': 1,
  'com.microsoft::GatherBlockQuantized': 0,
  'com.microsoft::DynamicQuantizeLSTM': 1,
};

/** Values that a weight is decoded by. */
const mostSeen = 200;

/** Of `graph`, in which floats have taken the places of the integers that are trained. `rounded`: weights of floats are trained for `qat`. */
export function frozenWeights(graph: Graph, rounded: boolean): Frozen[] {
  return [...graph.nodes()].flatMap((node) => {
    const operand = holders[node.qualifiedType];
    const weight = operand === undefined ? null : node.input(operand);
    // What floats have taken the place of is left without use.
    if (!weight || !node.outputs[0]?.isUsed || !isFixed(weight)) return [];
    return [{ node, reason: rounded ? 'its integers stay: qat trains matrices of floats' : reasonOf(node, operand) }];
  });
}

/** Made of constants alone, of which one holds few-bit integers. */
function isFixed(weight: Value): boolean {
  const waiting: (Value | null)[] = [weight];
  const seen = new Set(waiting);
  let integers = false;
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (!value) continue;
    const { constant, producer } = value;
    if (constant) integers ||= constant.size > 1 && /^u?int[248]$/.test(constant.dataType);
    else if (!producer || seen.size > mostSeen) return false;
    for (const input of producer?.inputs ?? []) {
      if (seen.has(input)) continue;
      seen.add(input);
      waiting.push(input);
    }
  }
  return integers;
}

function reasonOf(node: Node, operand: number): string {
  if (node.opType === 'MatMulBnb4') return 'its weights stay: levels of normal floats are not trained';
  if (node.opType === 'DynamicQuantizeLSTM') return 'its weights stay: integers of an LSTM are not trained';
  if (node.opType === 'GatherBlockQuantized') return 'its table stays: tables in blocks are not trained';
  const uses = constantSource(node.input(operand))?.value.uses.size ?? 1;
  if (uses > 1) return 'its integers stay: several operators share them';
  if (node.opType === 'MatMulNBits') return 'its integers stay: zero points are floats, or blocks are in another order';
  return 'its integers stay: they are decoded or scaled in a form that is not trained';
}
