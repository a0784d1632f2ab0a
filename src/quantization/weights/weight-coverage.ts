// A float weight may only go when every one of its users takes the integers instead; otherwise both would be stored.
import { type Node, nodeLabel, type Use, type Value } from '../../ir/index.js';
import type { ConstantSource } from '../../ops/index.js';

/** A node whose weights are to be stored anew. */
export interface WeightUser {
  readonly node: Node;
  readonly requests: readonly {
    /** Index of the node's input. */
    readonly input: number;
    readonly source: ConstantSource;
  }[];
}

/** Users that would leave a float weight in use, with the reason; found until none is left, as dropping one may uncover another. */
export function findUncovered<User extends WeightUser>(users: Iterable<User>): Map<User, string> {
  const left = new Set(users);
  const uncovered = new Map<User, string>();
  for (let before = -1; before !== uncovered.size; ) {
    before = uncovered.size;
    const covered = new Set<Use | null>();
    for (const user of left) for (const use of usesOf(user)) covered.add(use);
    for (const user of left) {
      const reason = floatUser(user, covered);
      if (reason === null) continue;
      uncovered.set(user, reason);
      left.delete(user);
    }
  }
  return uncovered;
}

/** The links between the node and its weights, the nodes in between included. */
function* usesOf({ node, requests }: WeightUser): Iterable<Use | null> {
  for (const { input, source } of requests) {
    yield node.useAt(input);
    for (const between of source.path) yield between.useAt(0);
  }
}

function floatUser({ requests }: WeightUser, covered: ReadonlySet<Use | null>): string | null {
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
