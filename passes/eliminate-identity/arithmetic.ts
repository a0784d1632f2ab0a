// x + 0, x − 0, x · 1, x / 1, x ^ 1, where the constant does not widen x by broadcasting.
import type { Node, Value } from '../../src/ir/index.js';
import { isFloat, type Tensor } from '../../src/tensor/index.js';
import type { Facts, Rule } from './rule.js';

/** Larger constants are not read. */
const mostElements = 1 << 16;

export const arithmeticRules: Readonly<Record<string, Rule>> = {
  Add: (node, facts) => neutral(node, facts, 0, 1) ?? neutral(node, facts, 0, 0),
  Sub: (node, facts) => neutral(node, facts, 0, 1),
  Mul: (node, facts) => neutral(node, facts, 1, 1) ?? neutral(node, facts, 1, 0),
  Div: (node, facts) => neutral(node, facts, 1, 1),
  Pow: (node, facts) => neutral(node, facts, 1, 1),
};

/** The other operand, where operand `index` is a constant that holds `element` only. */
function neutral(node: Node, facts: Facts, element: number, index: 0 | 1): Value | null {
  const tensor = facts.constant(node.input(index));
  const other = node.input(1 - index);
  // Before opset 7 only the second operand was broadcast, along an axis that an attribute tells.
  if (!tensor || !other || (facts.opset < 7 && (index === 0 || tensor.size !== 1))) return null;
  return keepsShape(other, tensor, facts) && holdsOnly(tensor, element) ? other : null;
}

/** Whether broadcasting with `tensor` leaves the shape of `value` as it is. */
function keepsShape(value: Value, tensor: Tensor, facts: Facts): boolean {
  const shape = facts.type(value)?.shape;
  if (!shape) return tensor.shape.length === 0;
  const missing = shape.length - tensor.shape.length;
  return missing >= 0 && tensor.shape.every((dim, axis) => dim === 1 || dim === shape[missing + axis]);
}

function holdsOnly(tensor: Tensor, element: number): boolean {
  if (tensor.size === 0 || tensor.size > mostElements) return false;
  const { dataType } = tensor;
  if (isFloat(dataType)) {
    if (!['float32', 'float64', 'float16', 'bfloat16'].includes(dataType)) return false;
    // −0 is what leaves every x as it is, +0 turns −0 into +0: equal numbers.
    return tensor.readFloat32().every((value) => value === element);
  }
  return /^u?int(8|16|32|64)$/.test(dataType) && tensor.readNumbers().every((value) => value === element);
}
