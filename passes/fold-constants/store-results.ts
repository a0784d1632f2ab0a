// Puts computed tensors in the place of the nodes that computed them.
import type { Model, Node, Value } from '../../src/ir/index.js';
import type { PassRecord } from '../../src/pass/index.js';
import { dropUnused } from '../../src/rewrite/index.js';
import type { Tensor } from '../../src/tensor/index.js';

/** Makes each value an initializer of its graph; nodes and constants that nothing uses any more go. Returns the number of nodes that went. */
export function storeResults(model: Model, tensors: ReadonlyMap<Value, Tensor>, record: PassRecord): number {
  let removed = 0;
  for (const [value, tensor] of tensors) {
    const { producer } = value;
    const graph = producer?.graph;
    if (!producer || !graph) continue;
    const { name } = value;
    const initializer = graph.addInitializer(name, tensor);
    value.replaceAllUsesWith(initializer);
    removed += removeUnused(model, producer, record);
    if (producer.graph === null) initializer.rename(name);
  }
  return removed;
}

/** Removes `node` if nothing uses it, and then what it used. */
function removeUnused(model: Model, node: Node, record: PassRecord): number {
  const waiting = [node];
  let removed = 0;
  for (let current = waiting.pop(); current; current = waiting.pop()) {
    const { graph } = current;
    if (!graph || current.outputs.some((output) => output?.isUsed)) continue;
    const inputs = new Set(current.inputs);
    if (!current.is('Constant')) {
      record.changed(current, `computed ${current.opType} ahead`);
      removed++;
    }
    graph.remove(current);
    dropUnused(model, graph, inputs);
    for (const input of inputs) if (input?.producer) waiting.push(input.producer);
  }
  return removed;
}
