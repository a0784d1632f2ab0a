// Which of several equal initializers stays: one that all users can see.
import type { Graph, Value } from '../../src/ir/index.js';

/** An initializer and the graph that holds it. */
export interface Initializer {
  readonly value: Value;
  readonly graph: Graph;
}

/**
 * One of `alike` in the innermost graph that encloses all of them, or a new initializer there. They lie within one main graph or one
 * function body.
 */
export function chooseKeeper(alike: readonly [Initializer, ...Initializer[]]): Initializer {
  const graph = alike.map((initializer) => initializer.graph).reduce(innermostCommon);
  const keeper = alike.find((initializer) => initializer.graph === graph);
  if (keeper) return keeper;
  const [{ value }] = alike;
  const tensor = value.constant;
  if (!tensor) throw new TypeError(`${value.name} is no initializer`);
  return { value: graph.addInitializer(value.name, tensor), graph };
}

function innermostCommon(a: Graph, b: Graph): Graph {
  const enclosing = new Set(enclosingGraphs(a));
  return enclosingGraphs(b).find((graph) => enclosing.has(graph)) ?? a;
}

/** The graph, the one around it, and so on outwards. */
function enclosingGraphs(graph: Graph): Graph[] {
  const graphs: Graph[] = [];
  for (let current: Graph | null | undefined = graph; current; current = current.parent?.graph) graphs.push(current);
  return graphs;
}
