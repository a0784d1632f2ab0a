// A float weight may only go when every one of its users takes the integers instead; otherwise both would be stored.
import type { Node, Use, Value } from '../../src/ir/index.js';
import { nodeLabel } from '../../src/pass/index.js';
import type { NodePlan } from './plan.js';

/** Plans that would leave a float weight in use, with the reason; found until none is left, as dropping one may uncover another. */
export function findUncovered(plans: ReadonlyMap<Node, NodePlan>): Map<NodePlan, string> {
  const left = new Set(plans.values());
  const uncovered = new Map<NodePlan, string>();
  for (let before = -1; before !== uncovered.size; ) {
    before = uncovered.size;
    const covered = new Set<Use | null>();
    for (const plan of left) for (const use of usesOf(plan)) covered.add(use);
    for (const plan of left) {
      const reason = floatUser(plan, covered);
      if (reason === null) continue;
      uncovered.set(plan, reason);
      left.delete(plan);
    }
  }
  return uncovered;
}

/** The links between the node and its weights, the nodes in between included. */
function* usesOf({ node, requests }: NodePlan): Iterable<Use | null> {
  for (const { input, source } of requests) {
    yield node.useAt(input);
    for (const between of source.path) yield between.useAt(0);
  }
}

function floatUser({ requests }: NodePlan, covered: ReadonlySet<Use | null>): string | null {
  for (const { source } of requests) {
    const values: Value[] = [source.value, ...source.path.map((between) => between.output)];
    for (const value of values) {
      if (value.isGraphOutput) return 'its weight is an output of the graph';
      for (const use of value.uses) {
        if (!covered.has(use))
          return `its weight is also used in float by ${use.node.qualifiedType} ${nodeLabel(use.node)}`;
      }
    }
  }
  return null;
}
