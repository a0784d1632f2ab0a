// MatMul and Gemm (alpha · A' · B' + beta · C) as a product of activations with a weight and what is added to it.
import { intsAttribute, type Node, type Value } from '../../ir/index.js';
import { NodeInserter } from '../../rewrite/index.js';
import { type DataType, scalarTensor } from '../../tensor/index.js';

export interface LinearTerms {
  /** Activations [..., K]. */
  readonly input: Value;
  readonly alpha: number;
  /** beta · C as float32, or null. */
  readonly bias: Value | null;
}

/** Adds what the terms need in front of `node`. @param dataType of activations and bias. */
export function linearTerms(node: Node, dataType: DataType): LinearTerms {
  if (node.opType !== 'Gemm') return { input: node.inputs[0]!, alpha: 1, bias: null };
  const nodes = new NodeInserter(node, node.output.name);
  let input = node.inputs[0]!;
  if (node.attributes.int('transA', 0) !== 0) {
    input = nodes.add('Transpose', [input], 'a', { attributes: { perm: intsAttribute([1, 0]) } });
  }
  const beta = node.attributes.float('beta', 1);
  let bias = beta === 0 ? null : node.input(2);
  if (bias) bias = nodes.cast(bias, dataType, 'float32', 'c');
  if (bias && beta !== 1) {
    const factor = nodes.graph.addInitializer(`${node.output.name}_beta`, scalarTensor('float32', beta));
    bias = nodes.add('Mul', [bias, factor], 'scaled_c');
  }
  return { input, alpha: node.attributes.float('alpha', 1), bias };
}

/** Whether a Gemm takes its weight as [N, K]. */
export function isTransposedGemm(node: Node): boolean {
  return node.opType === 'Gemm' && node.attributes.int('transB', 0) !== 0;
}
