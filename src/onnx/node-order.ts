// Nodes of a graph in topological order by name. ONNX asks for it, onnxruntime does not insist, so some files lack it.
import { invalidModel } from '../errors.js';
import type { GraphProto, NodeProto } from './messages.js';

export function orderNodes(nodes: readonly NodeProto[]): readonly NodeProto[] {
  const producers = new Map<string, number>();
  nodes.forEach(({ output = [] }, index) => {
    for (const name of output) if (name !== '' && !producers.has(name)) producers.set(name, index);
  });
  let ordered = true;
  nodes.forEach((node, index) => {
    visitNamesTaken(node, (name) => {
      if (producers.get(name)! >= index) ordered = false;
    });
  });
  return ordered ? nodes : sortNodes(nodes, producers);
}

function sortNodes(nodes: readonly NodeProto[], producers: ReadonlyMap<string, number>): NodeProto[] {
  const needs = nodes.map((node) => {
    const needed = new Set<number>();
    visitNamesTaken(node, (name) => {
      const index = producers.get(name);
      if (index !== undefined) needed.add(index);
    });
    return needed;
  });
  const order: NodeProto[] = [];
  // Depth first without recursion: a graph can be a chain of many thousand nodes.
  const waiting = 1;
  const done = 2;
  const state = new Uint8Array(nodes.length);
  for (let start = 0; start < nodes.length; start++) {
    const stack = [start];
    while (stack.length > 0) {
      const index = stack[stack.length - 1];
      if (state[index] === 0) {
        state[index] = waiting;
        for (const needed of needs[index]) {
          if (state[needed] === waiting) {
            const { name = '', op_type: opType = '' } = nodes[index];
            throw invalidModel(`The graph has a cycle through node "${name}" (${opType})`);
          }
          if (state[needed] === 0) stack.push(needed);
        }
        continue;
      }
      stack.pop();
      if (state[index] === done) continue;
      state[index] = done;
      order.push(nodes[index]);
    }
  }
  return order;
}

/** Calls `visit` with the names a node takes from its graph, those that its subgraphs capture included. */
function visitNamesTaken(node: NodeProto, visit: (name: string) => void): void {
  if (node.input) for (const name of node.input) visit(name);
  if (!node.attribute) return;
  for (const attribute of node.attribute) {
    if (attribute.g) visitNamesCaptured(attribute.g, visit);
    if (attribute.graphs) for (const graph of attribute.graphs) visitNamesCaptured(graph, visit);
  }
}

function visitNamesCaptured(graph: GraphProto, visit: (name: string) => void): void {
  const own = new Set<string | undefined>();
  for (const { name } of graph.input ?? []) own.add(name);
  for (const { name } of graph.initializer ?? []) own.add(name);
  for (const { values } of graph.sparse_initializer ?? []) own.add(values?.name);
  for (const { output } of graph.node ?? []) for (const name of output ?? []) own.add(name);
  const visitOuter = (name: string): void => {
    if (!own.has(name)) visit(name);
  };
  for (const node of graph.node ?? []) visitNamesTaken(node, visitOuter);
  for (const { name } of graph.output ?? []) if (name !== undefined) visitOuter(name);
}
