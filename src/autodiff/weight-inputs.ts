// Lets weights be fed: initializers of a graph become inputs of the same name.

import { type Graph, tensorType, type Value } from '../ir/index.js';
import type { Tensor } from '../tensor/index.js';
import type { Shape } from './graph-builder.js';

/** The new inputs by name, with the tensors that the initializers held. Names that no initializer has are left out. */
export function makeWeightsInputs(
  graph: Graph,
  shapes: Map<Value, Shape>,
  names: Iterable<string>,
): Map<string, { readonly input: Value; readonly tensor: Tensor }> {
  const initializers = new Map([...graph.initializers].map((value) => [value.name, value]));
  const made = new Map<string, { input: Value; tensor: Tensor }>();
  for (const name of names) {
    const initializer = initializers.get(name);
    if (!initializer) continue;
    const tensor = initializer.constant!;
    const input = graph.addInput(graph.scope.uniqueName(`${name}_fed`), tensorType(tensor.dataType, tensor.shape));
    for (const use of [...initializer.uses]) use.node.replaceInput(use.index, input);
    graph.removeInitializer(initializer);
    input.rename(name);
    shapes.set(input, tensor.shape);
    made.set(name, { input, tensor });
  }
  return made;
}
