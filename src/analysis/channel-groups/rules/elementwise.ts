// Operators that compute each element from the elements at the same place: with broadcasting (ONNX "multidirectional broadcasting"),
// axes are aligned from the last one on.
import type { Node } from '../../../ir/index.js';
import type { Axis } from '../axis.js';
import type { Relations } from '../relations.js';
import { labelOf, type OperatorRule } from '../rule.js';

/** Ties the last axes of every operand and result with each other; an operand's axis of length 1 is repeated and stays. */
export function alignTrailing(
  node: Node,
  relations: Relations,
  inputs: readonly number[],
  outputs: readonly number[],
): void {
  const operands = inputs.flatMap((index) => (node.input(index) ? [relations.operand(node, index)] : []));
  const results = outputs.flatMap((index) => (node.outputs[index] ? [relations.result(node, index)] : []));
  if ([...operands, ...results].includes(null)) {
    relations.freezeNode(node, `${labelOf(node)} has an operand of unknown rank`);
    return;
  }
  const rank = Math.max(...results.map((axes) => axes!.length));
  for (let back = 1; back <= rank; back++) {
    const outs = results.flatMap((axes) => axes!.at(-back) ?? []);
    const ins = operands.flatMap((axes) => axes!.at(-back) ?? []);
    alignAxis(relations, ins, outs, labelOf(node));
  }
}

function alignAxis(relations: Relations, ins: readonly Axis[], outs: readonly Axis[], label: string): void {
  const [first] = outs;
  if (!first) return;
  for (const axis of [...outs, ...ins]) {
    if (axis === first) continue;
    if (axis.length === 1 && first.length !== 1) relations.freeze(axis, `${label} repeats ${axis.place}`);
    else relations.tie(axis, first);
  }
}

function all(items: readonly unknown[]): number[] {
  return [...items.keys()];
}

export const elementwise: OperatorRule = {
  relate(node, relations) {
    alignTrailing(node, relations, all(node.inputs), all(node.outputs));
  },
};

/** Only the first input has the shape of the result; the others are settings, which no channel belongs to. */
export const elementwiseFirst: OperatorRule = {
  relate(node, relations) {
    alignTrailing(node, relations, [0], all(node.outputs));
    for (let index = 1; index < node.inputs.length; index++) {
      relations.freezeAll(relations.operand(node, index), `a setting of ${labelOf(node)}`);
    }
  },
};

/** QuantizeLinear, DequantizeLinear: scale and zero point for all, or one along an axis. */
export const scaled: OperatorRule = {
  relate(node, relations) {
    alignTrailing(node, relations, [0], [0]);
    const input = relations.operand(node, 0);
    const given = node.attributes.int('axis', 1);
    const axis = given < 0 ? given + (input?.length ?? 0) : given;
    for (const index of [1, 2]) {
      const parameters = relations.operand(node, index);
      if (!parameters || parameters.length === 0 || (parameters.length === 1 && parameters[0].length === 1)) continue;
      if (parameters.length === 1 && input) relations.tie(parameters[0], input[axis]);
      else relations.freezeNode(node, `${labelOf(node)} has one scale for a block of elements`);
    }
  },
};
