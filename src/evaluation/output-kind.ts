// Whether an output holds probabilities or logits, told from the operator that makes it.
import type { Model, Node, Value } from '../ir/index.js';

export type OutputKind = 'probabilities' | 'logits' | 'unknown';

const makesProbabilities = new Set([
  'Softmax',
  'Sigmoid',
  'HardSigmoid',
  'com.microsoft::QLinearSoftmax',
  'com.microsoft::QLinearSigmoid',
]);
/** Leave the values of their first input as they are, or as probable as they were. */
const passesOn = new Set([
  'Identity',
  'Cast',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Transpose',
  'Slice',
  'Clip',
  'QuantizeLinear',
  'DequantizeLinear',
  'ReduceMean',
]);
/** Hold graphs, or are defined elsewhere. */
const opaque = new Set(['If', 'Loop', 'Scan']);

/** 'unknown' for outputs made inside of subgraphs or by functions of the model. */
export function outputKind(model: Model, name: string): OutputKind {
  let value: Value | null = model.graph.outputs.find((output) => output.name === name) ?? null;
  const visited = new Set<Node>();
  while (value?.producer && !visited.has(value.producer)) {
    const node: Node = value.producer;
    visited.add(node);
    if (makesProbabilities.has(node.qualifiedType)) return 'probabilities';
    if (!passesOn.has(node.opType)) return opaque.has(node.opType) || node.domain !== '' ? 'unknown' : 'logits';
    value = node.inputs[0];
  }
  return 'unknown';
}
