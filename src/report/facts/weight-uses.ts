// Which operators take a weight: the first ones behind it that do more than hand it on.
import type { Model, Node, Value } from '../../ir/index.js';
import type { Tensor } from '../../tensor/index.js';

export interface WeightUse {
  /** The initializer, or the output of the Constant node. */
  readonly name: string;
  readonly tensor: Tensor;
  /** Operators in graph order, each once; empty when nothing uses it. */
  readonly operators: readonly string[];
}

/** What stands between a weight and the operator that computes with it. */
const handedOn: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'Transpose',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'DequantizeLinear',
]);

/** Every constant tensor with its users; one that several names share counts once. */
export function weightUses(model: Model): WeightUse[] {
  const uses = new Map<Tensor, { name: string; operators: Set<string> }>();
  const add = (value: Value, tensor: Tensor): void => {
    const use = uses.get(tensor) ?? { name: value.name, operators: new Set() };
    uses.set(tensor, use);
    for (const operator of operatorsOn(value)) use.operators.add(operator);
  };
  for (const graph of model.allGraphs()) {
    for (const value of graph.initializers) if (value.constant) add(value, value.constant);
    for (const node of graph.nodes()) {
      const tensor = node.is('Constant') ? node.attributes.tensor('value') : null;
      if (tensor) add(node.output, tensor);
    }
  }
  return [...uses].map(([tensor, { name, operators }]) => ({ name, tensor, operators: [...operators] }));
}

function operatorsOn(value: Value, depth = 0): string[] {
  return [...value.consumers()].flatMap((node: Node) => {
    const [output] = node.outputs;
    const further = depth < 8 && output && node.domain === '' && handedOn.has(node.opType);
    const operators = further ? operatorsOn(output, depth + 1) : [];
    return operators.length > 0 ? operators : [node.qualifiedType];
  });
}
