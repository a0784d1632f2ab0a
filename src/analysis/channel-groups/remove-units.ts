// Takes units out of a model: weights lose their coordinates, and what says sizes, bounds or indices is adapted.
import type { Value } from '../../ir/index.js';
import { dropUnused } from '../../rewrite/index.js';
import { type Tensor, takeTensor } from '../../tensor/index.js';
import type { Axis } from './axis.js';
import type { ConstantOperand, Relations } from './relations.js';
import type { Kept } from './rule.js';
import { ruleOf } from './rules/index.js';

/**
 * Removes `units` (see `ChannelGroup.units`) from the model that `relations` belong to, which describe it no longer afterwards.
 * Every axis must keep at least one coordinate.
 */
export function removeUnits(relations: Relations, units: ReadonlySet<number>): void {
  const kept = keptAxes(relations, units);
  const { model } = relations;
  const changed: Value[] = [];
  for (const node of model.graph.nodes()) {
    for (const output of node.outputs)
      if (output && relations.axes(output)?.some((axis) => kept.of(axis))) changed.push(output);
  }
  for (const node of [...model.graph.nodes()]) ruleOf(node).rewrite?.(node, kept);
  for (const operands of byValue(relations.operands)) sliceConstant(relations, operands, kept);
  for (const value of changed) {
    value.type = null;
    value.opaque = null;
  }
}

/** What removing `units` leaves of every axis. */
export function keptAxes(relations: Relations, units: ReadonlySet<number>): Kept {
  const known = new Map<Axis, readonly number[] | null>();
  const of = (axis: Axis | undefined): readonly number[] | null => {
    if (!axis || axis.length === null || units.size === 0) return null;
    const before = known.get(axis);
    if (before !== undefined) return before;
    const left: number[] = [];
    for (let index = 0; index < axis.length; index++) {
      if (!units.has(relations.classes.find(axis.first + index))) left.push(index);
    }
    const result = left.length === axis.length ? null : left;
    known.set(axis, result);
    return result;
  };
  return { relations, of, count: (axis) => of(axis)?.length ?? axis.length ?? 0 };
}

function byValue(operands: readonly ConstantOperand[]): ConstantOperand[][] {
  const byValue = new Map<Value, ConstantOperand[]>();
  for (const operand of operands) byValue.set(operand.value, [...(byValue.get(operand.value) ?? []), operand]);
  return [...byValue.values()];
}

/** Slices one constant for all its users; users that need other coordinates of it get a constant of their own. */
function sliceConstant(relations: Relations, operands: readonly ConstantOperand[], kept: Kept): void {
  const { model } = relations;
  const [{ value }] = operands;
  const tensor = model.constantOf(value);
  if (!tensor) return;
  const versions = new Map<string, { coordinates: (readonly number[] | null)[]; users: ConstantOperand[] }>();
  for (const operand of operands) {
    // A rule has given the node another constant already.
    if (operand.node.input(operand.index) !== value) continue;
    const coordinates = operand.axes.map((axis) => kept.of(axis));
    const key = JSON.stringify(coordinates);
    const version = versions.get(key) ?? { coordinates, users: [] };
    versions.set(key, version);
    version.users.push(operand);
  }
  const users = [...versions.values()].reduce((sum, version) => sum + version.users.length, 0);
  const shared = users < value.uses.size;
  for (const [at, { coordinates, users }] of [...versions.values()].entries()) {
    if (coordinates.every((axis) => axis === null)) continue;
    const sliced = takeTensor(tensor, coordinates);
    if (versions.size === 1 && !shared && at === 0) value.constant = sliced;
    else replace(users, sliced, value);
  }
  if (model.graph.initializers.has(value)) dropUnused(model, model.graph, [value]);
}

function replace(users: readonly ConstantOperand[], tensor: Tensor, value: Value): void {
  const graph = users[0].node.graph!;
  const replacement = graph.addInitializer(value.name, tensor);
  for (const { node, index } of users) node.replaceInput(index, replacement);
}
