// Activations that a quantized range replaces: what lies below zero is cut off by a zero point of 0, what lies above by the last level.
import type { Model, Node, Value } from '../../../src/ir/index.js';
import { clipBounds } from '../../../src/ops/index.js';
import { whyNotBypassed } from '../../../src/rewrite/index.js';
import type { Options } from '../options.js';

/** Relu, or Clip from zero, where nothing else takes `value`; null else. Ranges that are centred on zero cut nothing off. */
export function fusedActivation(
  value: Value,
  model: Model,
  { activationSymmetric }: Pick<Options, 'activationSymmetric'>,
): Node | null {
  if (activationSymmetric) return null;
  if (value.uses.size !== 1 || value.isGraphOutput) return null;
  const [{ node, index }] = value.uses;
  if (index !== 0 || node.graph !== model.graph) return null;
  if (!node.is('Relu') && !(node.is('Clip') && clipBounds(node).low === 0)) return null;
  return whyNotBypassed(node, value) === null ? node : null;
}
