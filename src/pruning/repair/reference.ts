// What repaired outputs are compared with.
import { linearOperator } from '../../analysis/index.js';
import type { Model, Node, Value } from '../../ir/index.js';
import { valuesByName } from '../../rewrite/index.js';
import type { RefitTarget } from './observe-targets.js';

/**
 * The model before the first pass that changed results, where it computes all that is compared, in full: so passes in a row do not add up
 * their errors.
 */
export function referenceFor(before: Model, targets: ReadonlyMap<Node, RefitTarget>, prepared: Model): Model {
  const known = valuesByName(prepared.graph);
  const own = valuesByName(before.graph);
  const width = (value: Value | undefined, model: Model): number | null => {
    const operator = value?.producer ? linearOperator(value.producer, model) : null;
    return operator && typeof operator !== 'string' ? operator.outputChannels : null;
  };
  for (const { node } of targets.values()) {
    const there = width(known.get(node.output.name), prepared);
    if (there === null || there !== width(own.get(node.output.name), before)) return before;
    const sums = [...node.output.consumers()].filter((consumer) => consumer.is('Add'));
    if (!sums.every(({ output }) => known.get(output.name)?.producer)) return before;
  }
  return prepared;
}
