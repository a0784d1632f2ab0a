// Types and shapes that follow from the inputs of a model and its operators alone.
import type { Engine } from '../engine/index.js';
import { cloneModel, type Graph, type Model, type TensorType, type Value } from '../ir/index.js';

/** Rounds of inference that `refine` may ask for. */
const mostRounds = 48;

export interface ProvenTypesOptions {
  /**
   * Declares types of values of `model` (by setting `type`) that the engine did not find, and tells whether it did; then inference goes
   * on from them.
   */
  readonly refine?: (model: Model, types: ReadonlyMap<Value, TensorType>) => boolean;
}

/**
 * Types of the values of the main graph as the engine infers them when nothing is declared but inputs and weights. What a file declares
 * of other values may be wrong without anybody noticing: engines only warn. Values of which nothing can be proven are missing.
 */
export async function inferProvenTypes(
  model: Model,
  engine: Engine,
  { refine }: ProvenTypesOptions = {},
): Promise<ReadonlyMap<Value, TensorType>> {
  const undeclared = cloneModel(model);
  for (const node of undeclared.allNodes()) {
    for (const output of node.outputs) {
      if (!output) continue;
      output.type = null;
      output.opaque = null;
    }
  }
  let inferred = await engine.inferTypes(undeclared);
  for (let round = 1; round < mostRounds && refine?.(undeclared, inferred); round++) {
    inferred = await engine.inferTypes(undeclared);
  }
  const types = new Map<Value, TensorType>();
  const copies = valuesOf(undeclared.graph);
  for (const value of valuesOf(model.graph)) {
    const copy = copies.next().value;
    const type = copy && inferred.get(copy);
    if (type) types.set(value, type);
  }
  return types;
}

/** The values of a graph in an order that a clone shares. */
function* valuesOf(graph: Graph): IterableIterator<Value> {
  yield* graph.inputs;
  yield* graph.initializers;
  for (const node of graph.nodes()) for (const output of node.outputs) if (output) yield output;
}
