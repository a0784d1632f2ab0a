// Puts the nodes of the branch that an If always takes in its place.
import { type Attribute, cloneGraph, type Graph, type Node, type Value } from '../ir/index.js';

/** `node` is an If whose condition is `taken` in every run. */
export function inlineBranch(node: Node, taken: boolean): void {
  const graph = node.graph!;
  const attribute = node.attributes.get(taken ? 'then_branch' : 'else_branch');
  if (attribute?.type !== 'graph') return;
  const branch = attribute.value;
  const moved = new Map<Value, Value>();
  const resolve = (value: Value | null): Value | null => value && (moved.get(value) ?? value);
  for (const initializer of branch.initializers) {
    moved.set(initializer, graph.addInitializer(initializer.name, initializer.constant!));
  }
  for (const inner of branch.nodes()) {
    const copy = graph.insertBefore(node, {
      opType: inner.opType,
      domain: inner.domain,
      name: inner.name,
      inputs: inner.inputs.map(resolve),
      outputs: inner.outputs.map((output) => (output ? graph.scope.uniqueName(`${output.name}_inlined`) : '')),
      attributes: Object.fromEntries(
        [...inner.attributes].map(([name, own]) => [name, copyAttribute(own, graph, moved)]),
      ),
    });
    for (const [index, output] of inner.outputs.entries()) if (output) moved.set(output, copy.outputs[index]!);
  }
  for (const [index, output] of node.outputs.entries()) {
    if (!output) continue;
    // An output of the graph must be computed, and be one output only.
    const own = graph.insertBefore(node, { opType: 'Identity', inputs: [resolve(branch.outputs[index])] }).output;
    output.replaceAllUsesWith(own);
  }
  graph.remove(node);
}

function copyAttribute(attribute: Attribute, graph: Graph, values: ReadonlyMap<Value, Value>): Attribute {
  if (attribute.type !== 'graph') return attribute;
  return { ...attribute, value: cloneGraph(attribute.value, graph.scope, new Map(values)) };
}
