// Removing constants that lost their last user.
import type { Graph, Model, Value } from '../ir/index.js';

/**
 * Removes the initializers among `values` that nothing uses any more; default values of inputs stay. The values were used in `graph`, so
 * they belong to it or to a graph around it.
 */
export function dropUnused(model: Model, graph: Graph, values: Iterable<Value | null>): void {
  for (const value of values) {
    if (!value || value.isUsed || !model.constantOf(value)) continue;
    for (let owner: Graph | null | undefined = graph; owner; owner = owner.parent?.graph) {
      if (owner.initializers.has(value)) owner.removeInitializer(value);
    }
  }
}
