// Reshape, Flatten, Squeeze, Unsqueeze: elements keep their row-major order, so axes are split into and merged from others. Axes are
// matched from both ends; what lies between axes of unknown length stays as it is.
import type { Node } from '../../../ir/index.js';
import type { Axis } from '../axis.js';
import type { Relations } from '../relations.js';
import { type Kept, labelOf, type OperatorRule } from '../rule.js';
import { canRewrite, rewriteEntries } from '../shape-entries.js';

export const reshape: OperatorRule = {
  relate(node, relations) {
    const sides = bothSides(node, relations);
    if (!sides) return;
    const [input, output] = sides;
    relations.freezeAll(relations.operand(node, 1), `the target of ${labelOf(node)}`);
    const shape = node.input(1);
    // Before opset 5 the target was an attribute.
    const entries = shape
      ? relations.shapes.of(shape)
      : (node.attributes.ints('shape')?.map((value) => ({ kind: 'constant' as const, value })) ?? null);
    const zeroCopies = node.attributes.int('allowzero', 0) === 0;
    const copies = new Set<number>();
    for (const [at, axis] of output.entries()) {
      const entry = entries?.[at] ?? { kind: 'unknown' as const };
      if (entry.kind === 'axis')
        relations.mustMatch(entry.axis, axis, `the target of ${labelOf(node)} is taken from elsewhere`);
      else if (entry.kind === 'unknown') relations.freeze(axis, `the target of ${labelOf(node)} is computed`);
      else if (entry.value === 0 && zeroCopies && input[at]) {
        copies.add(at);
        relations.mustMatch(input[at], axis, `${labelOf(node)} copies a length`);
      } else if (entry.value > 0 && shape && !canRewrite(relations.shapes, shape, at)) {
        relations.freeze(axis, `the target of ${labelOf(node)} is computed`);
      }
    }
    matchAxes(node, relations, input, output, copies);
  },
  rewrite(node, kept) {
    const output = kept.relations.result(node) ?? [];
    const shape = node.input(1);
    if (!shape) {
      rewriteAttribute(node, kept, output);
      return;
    }
    rewriteEntries(node, 1, changedEntries(node, kept, output), kept.relations.shapes);
  },
};

/** New numbers where a constant says the length of an axis that shrank. */
export function changedEntries(node: Node, kept: Kept, output: readonly Axis[]): Map<number, number> {
  const changes = new Map<number, number>();
  const entries = kept.relations.shapes.of(node.input(1));
  const shift = output.length - (entries?.length ?? 0);
  for (const [at, axis] of output.entries()) {
    const entry = entries?.[at - shift];
    if (kept.of(axis) && entry?.kind === 'constant' && entry.value === axis.length)
      changes.set(at - shift, kept.count(axis));
  }
  return changes;
}

function rewriteAttribute(node: Node, kept: Kept, output: readonly Axis[]): void {
  const attribute = node.attributes.get('shape');
  if (attribute?.type !== 'ints' || !output.some((axis) => kept.of(axis))) return;
  const value = attribute.value.map((length, at) =>
    length > 0n && output[at] ? BigInt(kept.count(output[at])) : length,
  );
  node.attributes.set('shape', { type: 'ints', value });
}

export const flatten: OperatorRule = {
  relate(node, relations) {
    const sides = bothSides(node, relations);
    if (!sides) return;
    const [input, [rows, columns]] = sides;
    const given = node.attributes.int('axis', 1);
    const axis = given < 0 ? given + input.length : given;
    matchAxes(node, relations, input.slice(0, axis), [rows], new Set());
    matchAxes(node, relations, input.slice(axis), [columns], new Set());
  },
};

/** Squeeze and Unsqueeze: axes of length 1 go or come. */
export const squeeze: OperatorRule = {
  relate(node, relations) {
    const sides = bothSides(node, relations);
    if (!sides) return;
    const [input, output] = sides;
    if (node.input(1)) relations.freezeAll(relations.operand(node, 1), `a setting of ${labelOf(node)}`);
    const [longer, shorter] = node.is('Squeeze') ? [input, output] : [output, input];
    let axes = node.input(1) ? relations.numbers(node.input(1)) : node.attributes.ints('axes');
    if (!axes && node.is('Squeeze') && !node.input(1)) axes = ones(longer);
    if (axes?.length !== longer.length - shorter.length) {
      relations.freezeNode(node, `the axes of ${labelOf(node)} are not known`);
      return;
    }
    const extra = new Set(axes.map((axis) => (axis < 0 ? axis + longer.length : axis)));
    const left = longer.filter((_, at) => !extra.has(at));
    for (const [at, axis] of left.entries()) relations.tie(axis, shorter[at]);
    for (const at of extra) relations.freeze(longer[at], `${labelOf(node)} needs an axis of length 1`);
  },
};

function ones(axes: readonly Axis[]): number[] {
  return axes.flatMap(({ length }, at) => (length === 1 ? [at] : []));
}

export function bothSides(node: Node, relations: Relations): [readonly Axis[], readonly Axis[]] | null {
  const input = relations.operand(node, 0);
  const output = relations.result(node);
  if (input && output) return [input, output];
  relations.freezeNode(node, `${labelOf(node)} has an operand of unknown rank`);
  return null;
}

/** Relates the axes of the same elements in row-major order. `copies`: places where the lengths are equal by definition. */
export function matchAxes(
  node: Node,
  relations: Relations,
  input: readonly Axis[],
  output: readonly Axis[],
  copies: ReadonlySet<number>,
): void {
  const ins = [...input];
  const outs = [...output];
  const equal = (a: Axis, b: Axis): boolean =>
    a.length !== null ? a.length === b.length : b.length === null && a.symbol !== null && a.symbol === b.symbol;
  for (let at = 0; ins.length > 0 && outs.length > 0; at++) {
    if (copies.has(at) && at === input.length - ins.length && at === output.length - outs.length) {
      relations.tie(ins.shift(), outs.shift());
    } else if (equal(ins[0], outs[0])) relations.tie(ins.shift(), outs.shift());
    else if (!matchRun(node, relations, ins, outs, false)) break;
  }
  while (ins.length > 0 && outs.length > 0) {
    if (equal(ins.at(-1)!, outs.at(-1)!)) relations.tie(ins.pop(), outs.pop());
    else if (!matchRun(node, relations, ins, outs, true)) break;
  }
  const rest = matchFront(node, relations, ins, outs);
  relations.freezeAll(rest, `${labelOf(node)} mixes channels with an axis of unknown length`);
}

/** Takes axes of known lengths off both lists until their products are equal, from the back or the front. */
function matchRun(node: Node, relations: Relations, ins: Axis[], outs: Axis[], fromBack: boolean): boolean {
  const take = (axes: readonly Axis[], count: number): Axis[] =>
    fromBack ? axes.slice(axes.length - count) : axes.slice(0, count);
  const product = (axes: readonly Axis[]): number =>
    axes.reduce((size, { length }) => size * (length ?? Number.NaN), 1);
  let left = 1;
  let right = 1;
  while (left <= ins.length && right <= outs.length) {
    const a = product(take(ins, left));
    const b = product(take(outs, right));
    if (Number.isNaN(a) || Number.isNaN(b)) return false;
    if (a === b) {
      splitAlike(node, relations, take(ins, left), take(outs, right));
      ins.splice(fromBack ? ins.length - left : 0, left);
      outs.splice(fromBack ? outs.length - right : 0, right);
      return true;
    }
    if (a < b) left++;
    else right++;
  }
  return false;
}

/** Both lists made of the same parts: [6, 4] and [3, 8] of 3, 2 and 4. */
function splitAlike(node: Node, relations: Relations, ins: readonly Axis[], outs: readonly Axis[]): void {
  const parts = { ins: ins.map((): Axis[] => []), outs: outs.map((): Axis[] => []) };
  let [i, j] = [0, 0];
  let [a, b] = [ins[0].length!, outs[0].length!];
  while (i < ins.length && j < outs.length) {
    const size = Math.min(a, b);
    if (Math.max(a, b) % Math.max(size, 1) !== 0) {
      relations.freezeAll([...ins, ...outs], `${labelOf(node)} cuts across channels`);
      return;
    }
    const part = relations.part(`a part of ${ins[i].place}`, size);
    parts.ins[i].push(part);
    parts.outs[j].push(part);
    a /= size;
    b /= size;
    if (a === 1 && ++i < ins.length) a = ins[i].length!;
    if (b === 1 && ++j < outs.length) b = outs[j].length!;
  }
  for (const [at, axis] of ins.entries()) composeOf(relations, axis, parts.ins[at], node);
  for (const [at, axis] of outs.entries()) composeOf(relations, axis, parts.outs[at], node);
}

function composeOf(relations: Relations, axis: Axis, parts: readonly Axis[], node: Node): void {
  if (axis.length === 1 || parts.every(({ length }) => length === 1))
    relations.freeze(axis, `${labelOf(node)} needs an axis of length 1`);
  else relations.compose(axis, parts, node);
}

/** [C, ?] and [G, ?]: groups of channels, where what follows is not known. Returns the axes that are left. */
function matchFront(node: Node, relations: Relations, ins: readonly Axis[], outs: readonly Axis[]): Axis[] {
  const all = [...ins, ...outs];
  const a = ins[0]?.length ?? null;
  const b = outs[0]?.length ?? null;
  if (!a || !b || a === b || Math.max(a, b) % Math.min(a, b) !== 0) return all;
  const [whole, outer] = a > b ? [ins[0], outs[0]] : [outs[0], ins[0]];
  const inner = relations.part(`the rest of ${whole.place}`, Math.max(a, b) / Math.min(a, b));
  relations.freeze(inner, `${labelOf(node)} mixes it with an axis of unknown length`);
  relations.compose(whole, [outer, inner], node);
  return all.filter((axis) => axis !== whole && axis !== outer);
}
