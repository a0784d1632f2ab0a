// Which graph holds a constant, and removing it from there once nothing uses it.
import type { Graph, Model, Value } from '../ir/index.js';
import type { ConstantSource } from '../ops/index.js';

export type ConstantOwners = ReadonlyMap<Value, Graph>;

/** The graph of each initializer of the main graph and its subgraphs. */
export function initializerOwners(model: Model): ConstantOwners {
  const owners = new Map<Value, Graph>();
  for (const graph of model.graph.allGraphs()) for (const value of graph.initializers) owners.set(value, graph);
  return owners;
}

/** The graph that holds `value`, an initializer or the output of a Constant. */
export function ownerOf(value: Value, owners: ConstantOwners): Graph {
  return owners.get(value) ?? value.producer!.graph!;
}

/** Removes a constant and what led from it to its user, once nothing uses them. */
export function removeUnusedConstant({ value, path }: ConstantSource, owners: ConstantOwners): void {
  for (const between of path) if (between.graph && !between.output.isUsed) between.graph.remove(between);
  if (value.isUsed) return;
  if (value.isInitializer) owners.get(value)?.removeInitializer(value);
  else if (value.producer?.graph) value.producer.graph.remove(value.producer);
}
