// Constant nodes as initializers.
import type { Graph, Value } from '../ir/index.js';
import { tensorOfConstant } from '../ops/index.js';
import { Tensor } from '../tensor/index.js';

/** Replaces the Constant nodes of a graph by initializers of the same names, outputs of the graph aside. */
export function liftConstants(graph: Graph): void {
  for (const node of [...graph.nodes()]) {
    if (!node.is('Constant') || node.output.isGraphOutput) continue;
    const tensor = tensorOfConstant(node);
    if (!(tensor instanceof Tensor)) continue;
    const { output } = node;
    const { name } = output;
    const constant = replaceByConstant(graph, output, tensor);
    graph.remove(node);
    constant.rename(name);
  }
}

/** Lets an initializer take the uses of a value. */
export function replaceByConstant(graph: Graph, value: Value, tensor: Tensor): Value {
  const constant = graph.addInitializer(`${value.name}_constant`, tensor);
  for (const use of [...value.uses]) use.node.replaceInput(use.index, constant);
  return constant;
}
