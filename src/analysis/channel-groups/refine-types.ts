// What the target of a Reshape, Expand or Resize says of its result, where the target is put together from constants and lengths of axes: engines
// infer nothing from such a target, not even the numbers in it. Lengths that nothing tells get names where somebody asks for them: a
// Reshape whose target repeats the name says what is left for −1.
import type { Dimension, Model, Node, TensorType, Value } from '../../ir/index.js';
import { tensorType } from '../../ir/index.js';
import { Relations } from './relations.js';
import { slicedAxes } from './rules/slice.js';
import type { ShapeEntry } from './shape-entries.js';

/** Declares these results; see `ProvenTypesOptions.refine`. */
export function refineTypes(model: Model, types: ReadonlyMap<Value, TensorType>): boolean {
  const relations = new Relations(model, types);
  let refined = false;
  for (const node of model.graph.nodes()) {
    if (node.is('Range') && refineRange(node, relations, types)) refined = true;
    if (!node.is('Reshape', 'Expand', 'Resize', 'Slice', 'GreaterOrEqual', 'LessOrEqual')) continue;
    const shapeOf = (value: Value | null) => value && (relations.model.constantOf(value) ?? types.get(value) ?? null);
    const data = shapeOf(node.input(0));
    const { output } = node;
    const before = types.get(output)?.shape ?? null;
    if (!data) continue;
    const comparison = node.is('GreaterOrEqual', 'LessOrEqual');
    const said = comparison
      ? broadcast(data.shape, shapeOf(node.input(1))?.shape ?? null)
      : node.is('Slice')
        ? uncut(node, relations, data.shape)
        : saidByTarget(node, relations, data.shape);
    if (!said || (before && before.length !== said.length)) continue;
    const shape = said.map((dimension, at) =>
      typeof before?.[at] === 'number' ? before[at] : (dimension ?? before?.[at] ?? null),
    );
    if (before && shape.every((dimension, at) => dimension === before[at])) continue;
    output.type = tensorType(comparison ? 'bool' : data.dataType, shape);
    refined = true;
  }
  for (const node of model.graph.nodes())
    if (node.is('MatMul') && refineOperand(node, relations, types)) refined = true;
  // Names come last: one that is given too early hides what would have been found.
  return refined || nameLengths(model, types);
}

/**
 * Names the unknown lengths of values whose Shape is taken, of the first ones: what lies behind those may follow from them. A name of its own claims
 * nothing.
 */
function nameLengths(model: Model, types: ReadonlyMap<Value, TensorType>): boolean {
  const behind = new Set<Value>();
  for (const [at, node] of [...model.graph.nodes()].entries()) {
    const input = node.is('Shape') ? node.input(0) : null;
    const type = input && types.get(input);
    if (input?.producer && type?.shape?.includes(null) && !behind.has(input)) {
      const shape = type.shape.map((length, axis) => length ?? `length ${at}.${axis}`);
      input.type = tensorType(type.dataType, shape);
      behind.add(input);
    }
    if (node.inputs.some((value) => value && behind.has(value)))
      for (const output of node.outputs) if (output) behind.add(output);
  }
  return behind.size > 0;
}

/** Range from 0 to the length of an axis, in steps of 1, is as long as the axis. */
function refineRange({ inputs, output }: Node, { shapes }: Relations, types: ReadonlyMap<Value, TensorType>): boolean {
  const known = types.get(output);
  if (!known || (known.shape?.[0] ?? null) !== null) return false;
  const [start, limit, step] = inputs.map((input) => shapes.of(input)?.[0]);
  const counts = start?.kind === 'constant' && start.value === 0 && step?.kind === 'constant' && step.value === 1;
  if (!counts || limit?.kind !== 'axis') return false;
  const length = limit.axis.length ?? limit.axis.symbol;
  if (length === null) return false;
  output.type = tensorType(known.dataType, [length]);
  return true;
}

/** These comparisons are functions, of which engines infer nothing. */
function broadcast(a: readonly Dimension[] | null, b: readonly Dimension[] | null): Dimension[] | null {
  if (!a || !b) return null;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, at) => {
    const [x, y] = [a, b].map((shape) => (at < rank - shape.length ? 1 : shape[at - (rank - shape.length)]));
    if (x === 1 || x === y) return y;
    return y === 1 ? x : null;
  });
}

/** What a matrix multiplies has as many columns as the matrix has rows. */
function refineOperand(node: Node, { model }: Relations, types: ReadonlyMap<Value, TensorType>): boolean {
  const operand = node.input(0);
  const weight = model.constantOf(node.input(1));
  if (!operand?.producer || weight?.shape.length !== 2) return false;
  const known = types.get(operand);
  const type = operand.type?.kind === 'tensor' ? operand.type : known;
  if (!type?.shape || typeof type.shape.at(-1) === 'number' || typeof known?.shape?.at(-1) === 'number') return false;
  operand.type = tensorType(type.dataType, [...type.shape.slice(0, -1), weight.shape[0]]);
  return true;
}

/**
 * A Slice leaves the axes that it does not name. One from 0 to the length of another axis is as long as that: were the table shorter, what
 * it is added to would not fit.
 */
function uncut(node: Node, relations: Relations, input: readonly Dimension[] | null): Dimension[] | null {
  const axes = slicedAxes(node, relations);
  if (!input || !axes) return null;
  const starts = relations.shapes.of(node.input(1));
  const ends = relations.shapes.of(node.input(2));
  const cut = new Map(axes.map((axis, at) => [axis < 0 ? axis + input.length : axis, at]));
  return input.map((length, axis) => {
    const at = cut.get(axis);
    if (at === undefined) return length;
    const [start, end] = [starts?.[at], ends?.[at]];
    const whole = start?.kind === 'constant' && start.value === 0 && end?.kind === 'axis';
    return whole ? end.axis.symbol : null;
  });
}

function saidByTarget(node: Node, relations: Relations, input: readonly Dimension[] | null): Dimension[] | null {
  const entries = relations.shapes.of(node.input(node.is('Resize') ? 3 : 1));
  if (!entries || node.attributes.has('axes')) return null;
  const lengthOf = (entry: ShapeEntry): Dimension => {
    if (entry.kind === 'constant') return entry.value;
    return entry.kind === 'axis' ? (entry.axis.length ?? entry.axis.symbol) : null;
  };
  if (node.is('Resize')) return entries.map(lengthOf);
  if (node.is('Reshape')) {
    const copies = node.attributes.int('allowzero', 0) === 0;
    const said = entries.map((entry, at) => {
      const length = lengthOf(entry);
      return length === 0 && copies ? (input?.[at] ?? null) : length;
    });
    return said.map((length) => (length === -1 ? restOf(input, said) : length));
  }
  // Expand broadcasts: an entry of more than 1 is the length, one of 1 leaves that of the input.
  if (!input) return null;
  const rank = Math.max(input.length, entries.length);
  return Array.from({ length: rank }, (_, at) => {
    const given = input[at - (rank - input.length)] ?? 1;
    const entry = entries[at - (rank - entries.length)];
    const wanted = entry ? lengthOf(entry) : 1;
    if (wanted === 1) return given;
    if (given === 1) return wanted;
    if (typeof wanted === 'number' && wanted > 1) return wanted;
    return given === wanted ? given : null;
  });
}

/** The length that −1 stands for in `target`: what is left of `input` when equal lengths are taken off both; null where that has no name. */
function restOf(input: readonly Dimension[] | null, target: readonly Dimension[]): Dimension {
  if (input === null) return null;
  const left = [...input];
  let divisor = 1;
  for (const length of target) {
    if (length === -1) continue;
    const same = left.indexOf(length);
    if (same >= 0 && length !== null) left.splice(same, 1);
    else if (typeof length === 'number') divisor *= length;
    else return null;
  }
  if (left.length === 1 && divisor === 1) return left[0];
  const size = left.reduce<number>(
    (product, length) => product * (typeof length === 'number' ? length : Number.NaN),
    1,
  );
  return size % divisor === 0 && divisor > 0 ? size / divisor : null;
}
