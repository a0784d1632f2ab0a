// Taking a node out of a graph by letting its users take one of its inputs instead.
import type { Graph, Node, Value } from '../ir/index.js';

/** Why the users of the first output of `node` cannot take `value` instead; null when they can. */
export function whyNotBypassed(node: Node, value: Value): string | null {
  const [output, ...others] = node.outputs;
  if (!output || others.some((other) => other?.isUsed)) return 'another of its outputs is in use';
  if (output.isGraphOutput) {
    const place = `it names the graph output ${output.name}`;
    if (value.producer?.graph !== node.graph) return `${place}, which a node of the same graph must compute`;
    if (value.isGraphOutput) return `${place}, and its input is the output ${value.name}`;
    if (isHidden(output.name, value, node.graph))
      return `${place}, and an inner graph uses that name for something else`;
  }
  const elsewhere = [...output.uses].some((use) => use.node.graph !== node.graph) || !isOwnedBy(node.graph, value);
  if (elsewhere && node.graph?.scope.isAmbiguous(value.name)) return `several values are called ${value.name}`;
  return null;
}

/** Does it; see `whyNotBypassed`. */
export function bypass(node: Node, value: Value): void {
  node.output.replaceAllUsesWith(value);
  node.graph?.remove(node);
}

function isOwnedBy(graph: Graph | null, value: Value): boolean {
  if (value.producer) return value.producer.graph === graph;
  return graph !== null && (graph.initializers.has(value) || graph.inputs.includes(value));
}

/** Whether `value`, called `name`, could be mistaken for another value where inner graphs capture it. */
function isHidden(name: string, value: Value, graph: Graph | null): boolean {
  return graph?.scope.isAmbiguous(name) === true && [...value.uses].some((use) => use.node.graph !== graph);
}
