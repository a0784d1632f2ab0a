// Activations that a quantized range replaces: what lies below zero is cut off by a zero point of 0, what lies above by the last level.
import type { Model, Node, Value } from '../../src/ir/index.js';
import { constantSource } from '../../src/ops/index.js';
import { whyNotBypassed } from '../../src/rewrite/index.js';
import type { Options } from './options.js';

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
  if (!node.is('Relu') && !(node.is('Clip') && lowerBound(node) === 0)) return null;
  return whyNotBypassed(node, value) === null ? node : null;
}

function lowerBound(node: Node): number | null {
  if (node.attributes.has('min')) return node.attributes.float('min', Number.NEGATIVE_INFINITY);
  const source = constantSource(node.input(1));
  return source?.tensor.size === 1 ? source.tensor.readFloat32()[0] : null;
}
