// Local functions that the main graph does not reach, directly or through other functions.
import type { Graph, LocalFunction, Model } from '../../src/ir/index.js';

export function unusedFunctions(model: Model): LocalFunction[] {
  const unreached = new Map(model.functions.map((local) => [keyOf(local.domain, local.name, local.overload), local]));
  const waiting: Graph[] = [model.graph];
  for (let graph = waiting.pop(); graph; graph = waiting.pop()) {
    for (const node of graph.allNodes()) {
      const key = keyOf(node.domain, node.opType, node.overload);
      const called = unreached.get(key);
      if (!called) continue;
      unreached.delete(key);
      waiting.push(called.body);
    }
  }
  return [...unreached.values()];
}

function keyOf(domain: string, name: string, overload: string): string {
  return JSON.stringify([domain, name, overload]);
}
