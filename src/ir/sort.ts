// Topological order of a graph's nodes (Kahn's algorithm, stable), counting what subgraphs capture.
import { invalidModel } from '../errors.js';
import type { Graph } from './graph.js';
import type { Node } from './node.js';
import type { Value } from './value.js';

/** The values of enclosing graphs that a node needs: its inputs and all that its subgraphs capture. */
export function* operandsOf(node: Node): IterableIterator<Value> {
  for (const input of node.inputs) if (input) yield input;
  for (const subgraph of node.subgraphs()) {
    for (const inner of subgraph.nodes()) yield* operandsOf(inner);
    yield* subgraph.outputs;
  }
}

export function sortNodes(graph: Graph): Node[] {
  const waitingFor = new Map<Node, number>();
  const dependents = new Map<Node, Node[]>();
  for (const node of graph.nodes()) {
    const producers = new Set<Node>();
    for (const value of operandsOf(node)) if (value.producer?.graph === graph) producers.add(value.producer);
    waitingFor.set(node, producers.size);
    for (const producer of producers) dependents.set(producer, [...(dependents.get(producer) ?? []), node]);
  }
  const position = new Map([...graph.nodes()].map((node, index) => [node, index]));
  const ready = [...waitingFor].filter(([, count]) => count === 0).map(([node]) => node);
  const order: Node[] = [];
  // `ready` is kept sorted by present position, so that a sorted graph stays as it is.
  while (ready.length > 0) {
    const node = ready.shift()!;
    order.push(node);
    for (const dependent of dependents.get(node) ?? []) {
      const count = waitingFor.get(dependent)! - 1;
      waitingFor.set(dependent, count);
      if (count > 0) continue;
      let index = ready.length;
      while (index > 0 && position.get(ready[index - 1])! > position.get(dependent)!) index--;
      ready.splice(index, 0, dependent);
    }
  }
  if (order.length < waitingFor.size) {
    const stuck = [...waitingFor].find(([, count]) => count > 0)![0];
    throw invalidModel(`Graph ${graph.name} has a cycle through ${stuck.qualifiedType} "${stuck.name}"`);
  }
  return order;
}
