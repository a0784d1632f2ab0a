// Multiply-accumulates of a whole model.
import type { Graph, Model, Node } from '../ir/index.js';
import { isMultiplying, macsOf, type ShapeOf } from '../ops/index.js';

/** Multiply-accumulates of one inference. */
export interface MacCount {
  readonly total: number;
  readonly byOperator: ReadonlyMap<string, number>;
  /** Nodes of the main graph that multiply, but whose shapes are not known. */
  readonly unknown: number;
  /** Nodes that multiply in bodies of loops and functions, which run any number of times. */
  readonly repeated: number;
}

export function countMacs(model: Model, shapeOf: ShapeOf): MacCount {
  const byOperator = new Map<string, number>();
  const counted = new Set<Node>();
  let unknown = 0;
  const visit = (graph: Graph): void => {
    for (const node of graph.nodes()) {
      // Only one branch runs: the first one that multiplies stands for both.
      if (node.is('If')) {
        const branches = node.subgraphs();
        const chosen = branches.find(multiplies);
        if (chosen) visit(chosen);
        for (const branch of branches) for (const inner of branch.allNodes()) counted.add(inner);
      }
      counted.add(node);
      if (!isMultiplying(node)) continue;
      const macs = macsOf(node, shapeOf);
      if (macs === null) unknown++;
      byOperator.set(node.qualifiedType, (byOperator.get(node.qualifiedType) ?? 0) + (macs ?? 0));
    }
  };
  visit(model.graph);
  const repeated = [...model.allNodes()].filter((node) => isMultiplying(node) && !counted.has(node)).length;
  const total = [...byOperator.values()].reduce((sum, macs) => sum + macs, 0);
  return { total, byOperator, unknown, repeated };
}

function multiplies(graph: Graph): boolean {
  return [...graph.allNodes()].some(isMultiplying);
}
