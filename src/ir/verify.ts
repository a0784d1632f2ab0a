// Structural check of a model: every value has one producer, is made before it is used, and names do not collide.
import { invalidModel } from '../errors.js';
import { graphsOf } from './attribute.js';
import type { Graph } from './graph.js';
import type { Model } from './model.js';
import type { Value } from './value.js';

/** Throws MODEL_INVALID naming the first violation. */
export function verifyModel(model: Model): void {
  verifyGraph(model.graph, new Set());
  for (const { body } of model.functions) verifyGraph(body, new Set());
}

function verifyGraph(graph: Graph, outerValues: ReadonlySet<Value>): void {
  const values = new Set(outerValues);
  // A subgraph may shadow outer names; within a graph they are unique.
  const names = new Set<string>();
  const defined = new Set<Value>();
  const define = (value: Value): void => {
    if (defined.has(value)) return;
    if (value.name === '') throw invalidModel(`Graph ${graph.name} has a value without a name`);
    if (names.has(value.name)) throw invalidModel(`Graph ${graph.name} defines the value ${value.name} twice`);
    defined.add(value);
    values.add(value);
    names.add(value.name);
  };
  for (const value of graph.inputs) define(value);
  for (const value of graph.initializers) define(value);
  for (const { value } of graph.sparseInitializers) define(value);
  for (const node of graph.nodes()) {
    const place = `${node.qualifiedType} "${node.name}" of graph ${graph.name}`;
    node.inputs.forEach((input, index) => {
      if (!input) return;
      if (!values.has(input)) throw invalidModel(`${place} uses ${input.name} before anything computes it`);
      if (!input.uses.has(node.useAt(index)!)) {
        throw invalidModel(`${place} is missing among the uses of ${input.name}`);
      }
    });
    for (const [, attribute] of node.attributes)
      for (const subgraph of graphsOf(attribute)) verifyGraph(subgraph, values);
    for (const output of node.outputs) {
      if (!output) continue;
      if (output.producer !== node) throw invalidModel(`${place} is not the producer of its output ${output.name}`);
      define(output);
    }
  }
  for (const output of graph.outputs) {
    if (!values.has(output)) throw invalidModel(`Nothing computes the output ${output.name} of graph ${graph.name}`);
  }
}
