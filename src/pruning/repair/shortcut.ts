// The residual addition behind a linear operator, and what it adds the operator's output to.
import { type LinearOperator, linearOperator } from '../../analysis/index.js';
import type { Model, Node, Value } from '../../ir/index.js';

/** The residual addition that `node` computes one operand of; null for other nodes. */
export function residualSumOf(node: Node, model: Model): Value | null {
  const operator = linearOperator(node, model);
  return operator && typeof operator !== 'string' ? (shortcutOf(operator, model)?.sum ?? null) : null;
}

/** The addition that takes the output of `operator`, reshaped perhaps, and something else that is computed. */
export function shortcutOf({ kind, output }: LinearOperator, model: Model): { sum: Value; other: Value } | null {
  for (let value = output; value.uses.size === 1 && !value.isGraphOutput; ) {
    const [{ node, index }] = value.uses;
    if (node.graph !== model.graph) return null;
    // Rows of a matrix stay rows.
    if (kind === 'matrix' && node.is('Reshape') && index === 0) {
      value = node.output;
      continue;
    }
    const other = node.input(1 - index);
    if (!node.is('Add') || !other || other === value || model.constantOf(other)) return null;
    return other.producer || model.graph.inputs.includes(other) ? { sum: node.output, other } : null;
  }
  return null;
}
