// Slice: a range of an axis goes on; with a step other than 1 the axis stays as it is.
import { intsAttribute, type Node } from '../../../ir/index.js';
import { int64Tensor } from '../../../tensor/index.js';
import type { Relations } from '../relations.js';
import { type Kept, labelOf, type OperatorRule } from '../rule.js';
import { bothSides } from './reshaping.js';

/** Of one axis. */
interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

export const slice: OperatorRule = {
  relate(node, relations) {
    const sides = bothSides(node, relations);
    if (!sides) return;
    const [input, output] = sides;
    for (let index = 1; index < node.inputs.length; index++) {
      relations.freezeAll(relations.operand(node, index), `a setting of ${labelOf(node)}`);
    }
    const ranges = rangesOf(node, relations, input.length);
    for (const [at, axis] of input.entries()) {
      const range = ranges ? ranges.get(at) : null;
      if (range === undefined) {
        relations.tie(axis, output[at]);
        continue;
      }
      const bounds = range && axis.length !== null ? bound(range, axis.length) : null;
      if (bounds && range?.step === 1 && output[at].length === bounds.end - bounds.start) {
        relations.tieRange(axis, bounds.start, output[at], 0, output[at].length);
      } else relations.freezeAll([axis, output[at]], `${labelOf(node)} cuts ${axis.place} where it cannot be followed`);
    }
  },
  rewrite(node, kept) {
    const input = kept.relations.operand(node, 0) ?? [];
    const ranges = rangesOf(node, kept.relations, input.length);
    // Where a bound is computed, the axes that are cut stay, and the others need no change.
    if (!ranges || ![...ranges].every(([, range]) => range) || ![...ranges.keys()].some((axis) => kept.of(input[axis])))
      return;
    const moved = [...ranges].map(([axis, given]) => {
      const range = given!;
      const left = kept.of(input[axis]);
      if (!left) return { axis, ...range };
      const { start, end } = bound(range, input[axis].length!);
      const before = (place: number): number => left.filter((coordinate) => coordinate < place).length;
      return { axis, start: before(start), end: before(end), step: 1 };
    });
    setRanges(node, kept, moved);
  },
};

function setRanges(node: Node, kept: Kept, ranges: readonly (Range & { readonly axis: number })[]): void {
  const columns = {
    starts: ranges.map(({ start }) => start),
    ends: ranges.map(({ end }) => end),
    axes: ranges.map(({ axis }) => axis),
    steps: ranges.map(({ step }) => step),
  };
  if (kept.relations.model.opsetOf(node) < 10) {
    for (const name of ['starts', 'ends', 'axes'] as const) node.attributes.set(name, intsAttribute(columns[name]));
    return;
  }
  for (const [at, name] of (['starts', 'ends', 'axes', 'steps'] as const).entries()) {
    const vector = int64Tensor([ranges.length], columns[name]);
    const value = node.graph!.addInitializer(`${node.outputs[0]!.name}_${name}`, vector);
    if (node.inputs.length <= at + 1) node.addInput(value);
    else node.replaceInput(at + 1, value);
  }
}

function bound({ start, end }: Range, length: number): { start: number; end: number } {
  const clamp = (place: number): number => Math.min(Math.max(place < 0 ? place + length : place, 0), length);
  return { start: clamp(start), end: Math.max(clamp(end), clamp(start)) };
}

/** The range of every axis that is cut, null where one is computed; null when not even the axes are known. */
function rangesOf(node: Node, relations: Relations, rank: number): Map<number, Range | null> | null {
  const byAttribute = node.attributes.has('starts');
  const read = (index: number, name: string): number[] | null =>
    byAttribute ? node.attributes.ints(name) : relations.numbers(node.input(index));
  const starts = read(1, 'starts');
  const ends = read(2, 'ends');
  const steps = node.input(4) && !byAttribute ? read(4, 'steps') : [];
  const axes = slicedAxes(node, relations);
  if (!axes) return null;
  const rangeAt = (at: number): Range | null =>
    starts && ends && steps ? { start: starts[at], end: ends[at], step: steps[at] ?? 1 } : null;
  return new Map(axes.map((axis, at) => [axis < 0 ? axis + rank : axis, rangeAt(at)]));
}

/** The axes that a Slice cuts; null when they are computed. */
export function slicedAxes(node: Node, relations: Relations): readonly number[] | null {
  if (node.attributes.has('starts')) return node.attributes.ints('axes') ?? [...node.attributes.ints('starts')!.keys()];
  if (node.input(3)) return relations.numbers(node.input(3));
  const starts = relations.shapes.of(node.input(1));
  return starts && [...starts.keys()];
}
