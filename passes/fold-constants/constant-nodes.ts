// Which nodes compute the same in every run: all they take is constant, and nothing is drawn at random.
import type { Model, Node, Value } from '../../src/ir/index.js';
import { tensorOfConstant } from '../../src/ops/index.js';
import type { Tensor } from '../../src/tensor/index.js';

/** Drawn anew in every run, or meant to stay: quantized models keep their weights small by way of DequantizeLinear. */
const keptOperators: ReadonlySet<string> = new Set([
  'Bernoulli',
  'DequantizeLinear',
  'Dropout',
  'DynamicQuantizeLinear',
  'Multinomial',
  'QuantizeLinear',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
]);

/** The nodes among `targets` that depend on constants only, producers before consumers; Constant nodes themselves are not among them. */
export function constantNodes(model: Model, targets: readonly Node[]): Node[] {
  const allowed = new Set(targets);
  const found = new Set<Node>();
  const isConstant = (value: Value | null): boolean =>
    value === null || constantTensor(model, value) !== null || (value.producer !== null && found.has(value.producer));
  // Function bodies are shared by all their calls and cannot hold initializers.
  for (const node of model.graph.allNodes()) {
    if (!allowed.has(node) || !canBeComputed(node)) continue;
    if (node.inputs.some((input) => input !== null) && node.inputs.every(isConstant)) found.add(node);
  }
  return [...found];
}

/** The tensor of an initializer that stays as it is, or of a Constant node that holds one. */
export function constantTensor(model: Model, value: Value | null): Tensor | null {
  if (!value?.producer?.is('Constant')) return model.constantOf(value);
  const tensor = tensorOfConstant(value.producer);
  return typeof tensor === 'string' ? null : tensor;
}

function canBeComputed(node: Node): boolean {
  if (node.domain !== '' || keptOperators.has(node.opType) || node.subgraphs().length > 0) return false;
  return !node.is('Constant');
}
