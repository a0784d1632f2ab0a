// Copies of models: structure is copied, tensors (immutable) are shared, so a clone costs little.
import { type Attribute, graphsOf } from './attribute.js';
import { Graph } from './graph.js';
import { Model } from './model.js';
import type { Node } from './node.js';
import { Scope } from './scope.js';
import type { Value } from './value.js';

export function cloneModel(model: Model): Model {
  const clone = new Model(cloneGraph(model.graph, new Scope(), new Map()));
  for (const [domain, version] of model.opsetImports) clone.opsetImports.set(domain, version);
  for (const [key, value] of model.metadataProps) clone.metadataProps.set(key, value);
  for (const local of model.functions) {
    clone.functions.push({ ...local, body: cloneGraph(local.body, new Scope(), new Map()) });
  }
  clone.irVersion = model.irVersion;
  clone.producerName = model.producerName;
  clone.producerVersion = model.producerVersion;
  clone.opaque = model.opaque;
  clone.path = model.path;
  return clone;
}

/** A clone, and which of its nodes stands for each node of `model`. */
export function cloneWithNodes(model: Model): { readonly clone: Model; readonly copyOf: (node: Node) => Node } {
  const clone = cloneModel(model);
  const copies = [...clone.allNodes()];
  const byNode = new Map<Node, Node>();
  for (const node of model.allNodes()) byNode.set(node, copies[byNode.size]);
  return { clone, copyOf: (node) => byNode.get(node)! };
}

/** `values` maps the values of enclosing graphs to their copies and gets this graph's added; a value not in it is captured as it is. */
export function cloneGraph(graph: Graph, scope: Scope, values: Map<Value, Value>): Graph {
  const clone = new Graph(scope, graph.name);
  clone.opaque = graph.opaque;
  const copied = (original: Value, copy: Value): void => {
    copy.type = original.type;
    copy.opaque = original.opaque;
    values.set(original, copy);
  };
  for (const input of graph.inputs) copied(input, clone.addInput(input.name, input.type));
  for (const initializer of graph.initializers) {
    const value = values.get(initializer) ?? clone.addInitializer(initializer.name, initializer.constant!);
    if (initializer.isGraphInput) clone.makeInitializer(value, initializer.constant!);
    copied(initializer, value);
  }
  for (const { value, opaque } of graph.sparseInitializers)
    copied(value, clone.addSparseInitializer(value.name, value.type, opaque));
  for (const node of graph.nodes()) {
    // An assignment to a property would lose an attribute that is called __proto__.
    const attributes = Object.fromEntries(
      [...node.attributes].map(([name, attribute]) => [name, cloneAttribute(attribute, scope, values)]),
    );
    const copy = clone.append({
      opType: node.opType,
      domain: node.domain,
      overload: node.overload,
      name: node.name,
      inputs: node.inputs.map((input) => input && (values.get(input) ?? input)),
      outputs: node.outputs.map((output) => output?.name ?? ''),
      attributes,
      opaque: node.opaque ?? undefined,
    });
    for (const [index, output] of node.outputs.entries()) if (output) copied(output, copy.outputs[index]!);
  }
  for (const output of graph.outputs) clone.addOutput(values.get(output) ?? output);
  return clone;
}

function cloneAttribute(attribute: Attribute, scope: Scope, values: Map<Value, Value>): Attribute {
  if (graphsOf(attribute).length === 0) return attribute;
  if (attribute.type === 'graph') return { ...attribute, value: cloneGraph(attribute.value, scope, new Map(values)) };
  if (attribute.type === 'graphs') {
    return { ...attribute, value: attribute.value.map((graph) => cloneGraph(graph, scope, new Map(values))) };
  }
  return attribute;
}
