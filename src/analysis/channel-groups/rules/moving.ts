// Operators that move elements without computing: Transpose, Concat, Split, Slice, Gather, Pad, Expand, Tile, DepthToSpace. Coordinates of
// the result are coordinates of the input elsewhere.
import { intsAttribute, type Node } from '../../../ir/index.js';
import { int64Tensor } from '../../../tensor/index.js';
import type { Axis } from '../axis.js';
import type { Relations } from '../relations.js';
import { labelOf, type OperatorRule } from '../rule.js';
import { canRewrite, rewriteEntries } from '../shape-entries.js';
import { bothSides, changedEntries } from './reshaping.js';

export const transpose: OperatorRule = {
  relate(node, relations) {
    const sides = bothSides(node, relations);
    if (!sides) return;
    const [input, output] = sides;
    const order = node.attributes.ints('perm') ?? input.map((_, axis) => axis).reverse();
    for (const [at, axis] of order.entries()) relations.tie(input[axis], output[at]);
  },
};

export const concat: OperatorRule = {
  relate(node, relations) {
    const output = relations.result(node);
    const inputs = node.inputs.map((_, index) => relations.operand(node, index));
    if (!output || inputs.includes(null)) {
      relations.freezeNode(node, `${labelOf(node)} has an operand of unknown rank`);
      return;
    }
    const given = node.attributes.int('axis', 1);
    const along = given < 0 ? given + output.length : given;
    let offset: number | null = 0;
    for (const input of inputs) {
      for (const [at, axis] of input!.entries()) if (at !== along) relations.tie(axis, output[at]);
      const axis = input![along];
      if (axis?.length == null || output[along]?.length == null) offset = null;
      if (offset === null) continue;
      relations.tieRange(axis, 0, output[along], offset, axis.length!);
      offset += axis.length!;
    }
    if (offset !== null) return;
    const all = [...inputs.map((input) => input![along]), output[along]];
    relations.freezeAll(all, `${labelOf(node)} joins axes of unknown length`);
  },
};

export const split: OperatorRule = {
  relate(node, relations) {
    const input = relations.operand(node, 0);
    const results = node.outputs.map((_, index) => relations.result(node, index));
    if (node.input(1)) relations.freezeAll(relations.operand(node, 1), `a setting of ${labelOf(node)}`);
    const axis = input && splitAxis(node, input.length);
    const total = axis === null ? 0 : results.reduce((sum, axes) => sum + (axes?.[axis]?.length ?? Number.NaN), 0);
    const readable = input && axis !== null && total === input[axis].length;
    for (const axes of results) {
      for (const [at, result] of (axes ?? []).entries()) if (input && at !== axis) relations.tie(result, input[at]);
    }
    if (!readable || (node.input(1) && !relations.numbers(node.input(1)))) {
      relations.freezeAll(input ? [input[axis!]] : [], `${labelOf(node)} splits axes of unknown length`);
      for (const axes of results)
        relations.freezeAll(axes ? [axes[axis!]] : [], `${labelOf(node)} splits axes of unknown length`);
      return;
    }
    let offset = 0;
    for (const axes of results) {
      const part = axes![axis];
      relations.tieRange(part, 0, input[axis], offset, part.length!);
      offset += part.length!;
    }
  },
  rewrite(node, kept) {
    const input = kept.relations.operand(node, 0) ?? [];
    const axis = splitAxis(node, input.length);
    if (!kept.of(input[axis])) return;
    const sizes = node.outputs.map((_, index) => kept.count(kept.relations.result(node, index)![axis]));
    if (kept.relations.model.opsetOf(node) < 13) {
      node.attributes.set('split', intsAttribute(sizes));
      return;
    }
    node.attributes.delete('num_outputs');
    setVector(node, 1, sizes);
  },
};

function splitAxis(node: Node, rank: number): number {
  const axis = node.attributes.int('axis', 0);
  return axis < 0 ? axis + rank : axis;
}

/** Gives input `index` of `node` a constant vector of its own. */
function setVector(node: Node, index: number, numbers: readonly number[]): void {
  const value = node.graph!.addInitializer(
    `${node.input(index)?.name ?? node.outputs[0]!.name}_pruned`,
    int64Tensor([numbers.length], numbers),
  );
  while (node.inputs.length <= index) node.addInput(null);
  node.replaceInput(index, value);
}

export const gather: OperatorRule = {
  relate(node, relations) {
    const data = relations.operand(node, 0);
    const indices = relations.operand(node, 1);
    const output = relations.result(node);
    if (!data || !indices || !output) {
      relations.freezeNode(node, `${labelOf(node)} has an operand of unknown rank`);
      return;
    }
    const axis = gatherAxis(node, data.length);
    const before = data.slice(0, axis);
    const after = data.slice(axis + 1);
    for (const [at, item] of before.entries()) relations.tie(item, output[at]);
    for (const [at, item] of after.entries()) relations.tie(item, output[axis + indices.length + at]);
    const isTable = relations.model.constantOf(node.input(0)) !== null && data.length > 1;
    if (isTable) for (const item of after) relations.roles.set(item, 'produced');
    const numbers = indices.length === 1 ? relations.numbers(node.input(1)) : null;
    const length = data[axis]?.length ?? null;
    if (numbers && length !== null && relations.model.constantOf(node.input(1))) {
      relations.tie(indices[0], output[axis]);
      for (const [at, index] of numbers.entries()) {
        relations.join(data[axis], index < 0 ? index + length : index, output[axis], at);
      }
      return;
    }
    for (const [at, item] of indices.entries()) relations.tie(item, output[axis + at]);
    relations.freeze(data[axis], `${labelOf(node)} picks elements by their numbers`);
  },
  rewrite(node, kept) {
    const data = kept.relations.operand(node, 0) ?? [];
    const axis = data[gatherAxis(node, data.length)];
    const left = kept.of(axis);
    const numbers = left && kept.relations.numbers(node.input(1));
    if (!numbers || axis.length === null) return;
    const places = new Map(left.map((coordinate, at) => [coordinate, at]));
    const moved = numbers.flatMap((index) => places.get(index < 0 ? index + axis.length! : index) ?? []);
    setVector(node, 1, moved);
  },
};

function gatherAxis(node: Node, rank: number): number {
  const axis = node.attributes.int('axis', 0);
  return axis < 0 ? axis + rank : axis;
}

export const pad: OperatorRule = {
  relate(node, relations) {
    const sides = bothSides(node, relations);
    if (!sides) return;
    const [input, output] = sides;
    for (const index of [1, 2, 3]) relations.freezeAll(relations.operand(node, index), `a setting of ${labelOf(node)}`);
    const pads = padsOf(node, relations, input.length);
    for (const [at, axis] of input.entries()) {
      const [begin, end] = pads?.[at] ?? [Number.NaN, Number.NaN];
      const result = output[at];
      if (begin === 0 && end === 0) relations.tie(axis, result);
      else if (
        begin >= 0 &&
        end >= 0 &&
        axis.length !== null &&
        result.length !== null &&
        node.attributes.string('mode', 'constant') === 'constant'
      )
        relations.tieRange(axis, 0, result, begin, axis.length);
      else relations.freezeAll([axis, result], `${labelOf(node)} pads or crops ${axis.place}`);
    }
  },
  rewrite(node, kept) {
    const input = kept.relations.operand(node, 0) ?? [];
    const output = kept.relations.result(node) ?? [];
    const pads = padsOf(node, kept.relations, input.length);
    if (!pads || !output.some((axis) => kept.of(axis))) return;
    const begins = pads.map(([begin], at) =>
      kept.of(output[at]) ? kept.of(output[at])!.filter((place) => place < begin).length : begin,
    );
    const ends = pads.map(([begin, end], at) => {
      const left = kept.of(output[at]);
      return left ? left.filter((place) => place >= begin + input[at].length!).length : end;
    });
    if (node.attributes.has('pads')) node.attributes.set('pads', intsAttribute([...begins, ...ends]));
    else {
      setVector(node, 1, [...begins, ...ends]);
      if (node.input(3)) node.replaceInput(3, null);
    }
  },
};

/** [begin, end] of every axis; null when they are computed. */
function padsOf(node: Node, relations: Relations, rank: number): [number, number][] | null {
  const numbers = node.attributes.ints('pads') ?? relations.numbers(node.input(1));
  const axes = node.input(3) ? relations.numbers(node.input(3)) : Array.from({ length: rank }, (_, at) => at);
  if (!numbers || !axes || numbers.length !== 2 * axes.length) return null;
  const pads = Array.from({ length: rank }, (): [number, number] => [0, 0]);
  for (const [at, axis] of axes.entries())
    pads[axis < 0 ? axis + rank : axis] = [numbers[at], numbers[at + axes.length]];
  return pads;
}

export const expand: OperatorRule = {
  relate(node, relations) {
    const sides = bothSides(node, relations);
    if (!sides) return;
    const [input, output] = sides;
    relations.freezeAll(relations.operand(node, 1), `the target of ${labelOf(node)}`);
    const entries = relations.shapes.of(node.input(1));
    const shift = output.length - (entries?.length ?? output.length);
    for (const [at, result] of output.entries()) {
      const axis = input[at - (output.length - input.length)];
      if (axis && (axis.length !== 1 || result.length === 1)) relations.tie(axis, result);
      else relations.freeze(axis, `${labelOf(node)} repeats ${axis?.place}`);
      const entry =
        at < shift ? { kind: 'constant' as const, value: 1 } : (entries?.[at - shift] ?? { kind: 'unknown' as const });
      if (entry.kind === 'axis')
        relations.mustMatch(entry.axis, result, `the target of ${labelOf(node)} is taken from elsewhere`);
      else if (
        entry.kind === 'unknown' ||
        (entry.value > 1 && !canRewrite(relations.shapes, node.input(1), at - shift))
      ) {
        relations.freeze(result, `the target of ${labelOf(node)} is computed`);
      }
    }
  },
  rewrite(node, kept) {
    const output = kept.relations.result(node) ?? [];
    rewriteEntries(node, 1, changedEntries(node, kept, output), kept.relations.shapes);
  },
};

export const tile: OperatorRule = {
  relate(node, relations) {
    const sides = bothSides(node, relations);
    if (!sides) return;
    const [input, output] = sides;
    relations.freezeAll(relations.operand(node, 1), `a setting of ${labelOf(node)}`);
    const repeats = relations.numbers(node.input(1));
    for (const [at, axis] of input.entries()) {
      const times = repeats?.[at];
      const { length } = axis;
      if (times === undefined || length === null || output[at].length !== times * length) {
        relations.freezeAll([axis, output[at]], `${labelOf(node)} repeats an axis of unknown length`);
        continue;
      }
      for (let time = 0; time < times; time++) relations.tieRange(axis, 0, output[at], time * length, length);
    }
  },
};

/** DepthToSpace, SpaceToDepth (pixel shuffle): channels are blocks of positions of fewer channels. */
export const depthToSpace: OperatorRule = {
  relate(node, relations) {
    const sides = bothSides(node, relations);
    if (!sides) return;
    const [input, output] = sides;
    relations.tie(input[0], output[0]);
    relations.freezeAll([...input.slice(2), ...output.slice(2)], `a position in ${labelOf(node)}`);
    const [deep, flat] = node.is('DepthToSpace') ? [input[1], output[1]] : [output[1], input[1]];
    const size = node.attributes.int('blocksize', 1);
    const block: Axis = relations.part(`positions in ${labelOf(node)}`, size * size);
    relations.freeze(block, `a position in ${labelOf(node)}`);
    const channelsFirst = node.is('DepthToSpace') && node.attributes.string('mode', 'DCR') === 'CRD';
    relations.compose(deep, channelsFirst ? [flat, block] : [block, flat], node);
  },
};
