// Weights of a quantized student that training leaves as they are, though gradients pass through them: integers that no float stands for.
import type { Graph, Node } from '../../ir/index.js';
import { constantSource } from '../../ops/index.js';

interface Frozen {
  readonly node: Node;
  readonly reason: string;
}

/** Operators that decode weights in their kernels: the operand that holds them. */
const holders: Readonly<Record<string, number>> = {
  MatMulInteger: 1,
  ConvInteger: 1,
  DequantizeLinear: 0,
  'com.microsoft::MatMulNBits': 1,
  'com.microsoft::MatMulBnb4': 1,
  'com.microsoft::GatherBlockQuantized': 0,
};

/** Of `graph`, in which floats have taken the places of the integers that are trained. `rounded`: weights of floats are trained for `qat`. */
export function frozenWeights(graph: Graph, rounded: boolean): Frozen[] {
  return [...graph.nodes()].flatMap((node) => {
    const operand = holders[node.qualifiedType];
    const weight = operand === undefined ? null : node.input(operand);
    if (!weight || !isFixed(node, operand)) return [];
    return [{ node, reason: rounded ? 'its integers stay: qat trains matrices of floats' : reasonOf(node, operand) }];
  });
}

/** Tables and scalars that are decoded are no weights. */
function isFixed(node: Node, operand: number): boolean {
  const weight = node.input(operand)!;
  const source = constantSource(weight);
  if (source) return source.tensor.shape.length > 1;
  return node.is('MatMulInteger') && isDecoded(weight.producer, 0);
}

/** Made of constants alone: integers that tables or shifts decode. */
function isDecoded(node: Node | null, depth: number): boolean {
  if (!node || depth > 20) return false;
  return node.inputs.every((input) => !input || input.isInitializer || isDecoded(input.producer, depth + 1));
}

function reasonOf(node: Node, operand: number): string {
  if (node.opType === 'MatMulBnb4') return 'its weights stay: levels of normal floats are not trained';
  if (node.opType === 'GatherBlockQuantized') return 'its table stays: tables in blocks are not trained';
  const uses = constantSource(node.input(operand))?.value.uses.size ?? 1;
  if (uses > 1) return 'its integers stay: several operators share them';
  if (node.opType === 'MatMulNBits') return 'its integers stay: zero points are floats, or blocks are in another order';
  return 'its integers stay: they are decoded or scaled in a form that is not trained';
}
