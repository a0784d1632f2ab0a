// Nodes of a graph in topological order by name. ONNX asks for it, onnxruntime does not insist, so some files lack it.
import { invalidModel } from '../errors.js';
import type { GraphProto, NodeProto } from './schema.js';

export function orderNodes(nodes: readonly NodeProto[]): readonly NodeProto[] {
  const producer = new Map<string, number>();
  nodes.forEach((node, index) => {
    for (const name of node.output ?? []) if (name !== '' && !producer.has(name)) producer.set(name, index);
  });
  const needs = nodes.map((node) =>
    [...namesTaken(node)].map((name) => producer.get(name)).filter((index) => index !== undefined),
  );
  if (needs.every((indices, index) => indices.every((needed) => needed < index))) return nodes;

  const order: NodeProto[] = [];
  const state = new Uint8Array(nodes.length);
  // Depth first without recursion: a graph can be a chain of many thousand nodes.
  for (let start = 0; start < nodes.length; start++) {
    const stack = [start];
    while (stack.length > 0) {
      const index = stack[stack.length - 1];
      if (state[index] === 2) {
        stack.pop();
        continue;
      }
      state[index] = 1;
      const waiting = needs[index].filter((needed) => state[needed] !== 2);
      if (waiting.some((needed) => state[needed] === 1)) {
        throw invalidModel(`The graph has a cycle through node "${nodes[index].name ?? ''}" (${nodes[index].op_type})`);
      }
      if (waiting.length > 0) stack.push(...waiting);
      else {
        state[index] = 2;
        order.push(nodes[index]);
        stack.pop();
      }
    }
  }
  return order;
}

/** Names a node takes from its graph, those that its subgraphs capture included. */
function* namesTaken(node: NodeProto): IterableIterator<string> {
  yield* node.input ?? [];
  for (const attribute of node.attribute ?? []) {
    if (attribute.g) yield* namesCaptured(attribute.g);
    for (const graph of attribute.graphs ?? []) yield* namesCaptured(graph);
  }
}

function* namesCaptured(graph: GraphProto): IterableIterator<string> {
  const own = new Set<string | undefined>(
    [...(graph.input ?? []), ...(graph.initializer ?? [])].map(({ name }) => name),
  );
  for (const node of graph.node ?? []) for (const name of node.output ?? []) own.add(name);
  for (const node of graph.node ?? []) for (const name of namesTaken(node)) if (!own.has(name)) yield name;
  for (const { name } of graph.output ?? []) if (name !== undefined && !own.has(name)) yield name;
}
