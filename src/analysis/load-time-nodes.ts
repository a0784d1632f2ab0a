// Nodes that an engine can compute once, when it loads a model, as nothing they take depends on inputs: what decodes packed weights.
import type { Model, Node, Value } from '../ir/index.js';

/** Drawn anew in every run, or left alone by onnxruntime's constant folding. */
const neverFolded: ReadonlySet<string> = new Set([
  'Bernoulli',
  'DequantizeLinear',
  'Multinomial',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
]);

/** In all graphs, producers before consumers; Constant nodes and what outputs of a graph come from are not among them. */
export function loadTimeNodes(model: Model): Node[] {
  const found = new Set<Node>();
  const isConstant = (value: Value | null): boolean =>
    value === null ||
    model.constantOf(value) !== null ||
    (value.producer !== null && (value.producer.is('Constant') || found.has(value.producer)));
  for (const node of model.graph.allNodes()) {
    if (node.domain !== '' || node.is('Constant') || neverFolded.has(node.opType)) continue;
    if (node.subgraphs().length > 0 || node.outputs.some((output) => output?.isGraphOutput)) continue;
    if (node.inputs.some((input) => input !== null) && node.inputs.every(isConstant)) found.add(node);
  }
  return [...found];
}
