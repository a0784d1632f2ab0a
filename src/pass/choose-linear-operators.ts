// Which linear operators a pass takes, alike for all: those of the main graph whose weight is theirs alone. Every other one is recorded as skipped,
// with the reason.
import { type LinearOperator, linearOperator } from '../analysis/index.js';
import type { Model, Node } from '../ir/index.js';
import type { PassRecord } from './pass.js';

/** The linear operators among `nodes`. `whyNot`: what else speaks against one; null: nothing. */
export function chooseLinearOperators(
  model: Model,
  nodes: Iterable<Node>,
  record: Pick<PassRecord, 'skipped'>,
  whyNot: (operator: LinearOperator) => string | null = () => null,
): LinearOperator[] {
  const chosen: LinearOperator[] = [];
  for (const node of nodes) {
    const operator =
      node.graph === model.graph
        ? linearOperator(node, model)
        : 'it is not in the main graph, where calibration sees it';
    if (operator === null) continue;
    const reason =
      typeof operator === 'string'
        ? operator
        : operator.ownsWeight
          ? whyNot(operator)
          : 'its weight is used by other nodes too';
    if (reason !== null) record.skipped(node, reason);
    else if (typeof operator !== 'string') chosen.push(operator);
  }
  return chosen;
}
