// Where the elements of a shape come from: constants, which can be rewritten, or the lengths of axes, which follow by themselves.
import type { Node, Value } from '../../ir/index.js';
import { int64Tensor } from '../../tensor/index.js';
import type { Axis } from './axis.js';
import type { Relations } from './relations.js';

export type ShapeEntry =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'axis'; readonly axis: Axis }
  | { readonly kind: 'unknown' };

/** Longer vectors are no shapes. */
const mostEntries = 64;
const unknown: ShapeEntry = { kind: 'unknown' };

/** Operators that only pass entries on. */
export const shapeOperators: ReadonlySet<string> = new Set([
  'Shape',
  'Gather',
  'Slice',
  'Concat',
  'Unsqueeze',
  'Squeeze',
  'Cast',
  'Identity',
  'Equal',
  'Where',
]);

export class ShapeEntries {
  private readonly relations: Relations;
  private readonly known = new Map<Value, readonly ShapeEntry[] | null>();

  constructor(relations: Relations) {
    this.relations = relations;
  }

  /** The entries of an integer scalar or vector; null when it is neither a constant nor made of shapes. */
  of(value: Value | null): readonly ShapeEntry[] | null {
    if (!value) return null;
    const known = this.known.get(value);
    if (known !== undefined) return known;
    this.known.set(value, null);
    const entries = this.compute(value);
    this.known.set(value, entries);
    return entries;
  }

  private compute(value: Value): readonly ShapeEntry[] | null {
    const constant = this.relations.numbers(value);
    if (constant) return constant.map((number) => ({ kind: 'constant', value: number }));
    const node = value.producer;
    if (node?.domain !== '') return null;
    switch (node.opType) {
      case 'Shape':
        return this.ofShape(node);
      case 'Identity':
      case 'Cast':
      case 'Squeeze':
      case 'Unsqueeze':
        return this.of(node.input(0));
      case 'Concat': {
        const pieces = node.inputs.map((input) => this.pieceOf(input));
        return pieces.includes(null) ? null : pieces.flatMap((piece) => piece!);
      }
      case 'Gather': {
        const entries = this.of(node.input(0));
        const indices = this.relations.numbers(node.input(1));
        return entries && indices ? indices.map((index) => entries.at(index) ?? unknown) : null;
      }
      case 'Slice':
        return this.ofSlice(node);
      case 'Where':
        return this.ofWhere(node);
      default:
        return null;
    }
  }

  /** A piece of a shape that is computed otherwise still has a known number of elements. */
  pieceOf(value: Value | null): readonly ShapeEntry[] | null {
    const entries = this.of(value);
    if (entries || !value) return entries;
    const length = this.relations.axes(value)?.[0]?.length ?? null;
    return length !== null && length <= mostEntries ? Array.from({ length }, () => unknown) : null;
  }

  private ofShape(node: Node): readonly ShapeEntry[] | null {
    const input = node.input(0);
    const axes = input && this.relations.axes(input);
    if (!axes) return null;
    const end = node.attributes.int('end', axes.length);
    return axes.slice(node.attributes.int('start', 0), end).map((axis) => ({ kind: 'axis', axis }));
  }

  /** PyTorch exports expand(-1, …) as a choice for each entry: where the shape equals −1, another one. A length never does. */
  private ofWhere(node: Node): readonly ShapeEntry[] | null {
    const equal = node.input(0)?.producer;
    if (!equal?.is('Equal')) return null;
    const [left, right] = [this.of(equal.input(0)), this.of(equal.input(1))];
    const [chosen, otherwise] = [this.of(node.input(1)), this.of(node.input(2))];
    if (!left || !right || !otherwise || left.length !== right.length || otherwise.length !== left.length) return null;
    return otherwise.map((entry, at) => {
      const answer = areEqual(left[at], right[at]);
      if (answer === null) return unknown;
      return answer ? (chosen?.[at] ?? unknown) : entry;
    });
  }

  /** What `value` always is where it is such a choice. */
  chosen(value: Value): Value {
    const node = value.producer;
    const equal = node?.is('Where') ? node.input(0)?.producer : null;
    const otherwise = node?.input(2);
    if (!equal?.is('Equal') || !otherwise) return value;
    const [left, right] = [this.of(equal.input(0)), this.of(equal.input(1))];
    const isNever = left?.length === right?.length && left?.every((entry, at) => areEqual(entry, right![at]) === false);
    return isNever ? otherwise : value;
  }

  private ofSlice(node: Node): readonly ShapeEntry[] | null {
    const entries = this.of(node.input(0));
    const numbers = (index: number, name: string) =>
      node.input(index) ? this.relations.numbers(node.input(index)) : (node.attributes.ints(name) ?? null);
    const start = numbers(1, 'starts')?.[0];
    const end = numbers(2, 'ends')?.[0];
    const step = node.input(4) ? this.relations.numbers(node.input(4))?.[0] : 1;
    return entries && start !== undefined && end !== undefined && step === 1 ? entries.slice(start, end) : null;
  }
}

function areEqual(a: ShapeEntry, b: ShapeEntry): boolean | null {
  if (a.kind === 'constant' && b.kind === 'constant') return a.value === b.value;
  const [constant] = [a, b].filter((entry) => entry.kind === 'constant');
  return constant && constant.value < 0 && (a.kind === 'axis' || b.kind === 'axis') ? false : null;
}

/** Whether `rewriteEntries` can change entry `at` of the shape that input `index` of `node` is. */
export function canRewrite(entries: ShapeEntries, value: Value | null, at: number): boolean {
  const entry = entries.of(value)?.[at];
  if (!value || entry?.kind !== 'constant') return false;
  return (
    entries.of(value)!.every(({ kind }) => kind === 'constant') || entries.chosen(value).producer?.is('Concat') === true
  );
}

/** Gives input `index` of `node` (a shape) other numbers at the places in `changes`; other users of the shape keep theirs. */
export function rewriteEntries(
  node: Node,
  index: number,
  changes: ReadonlyMap<number, number>,
  entries: ShapeEntries,
): void {
  const value = node.input(index);
  const { graph } = node;
  if (!value || !graph || changes.size === 0) return;
  const vector = (source: readonly ShapeEntry[], offset: number): Value => {
    const numbers = source.map(
      (entry, at) => changes.get(offset + at) ?? (entry.kind === 'constant' ? entry.value : 0),
    );
    return graph.addInitializer(`${value.name}_pruned`, int64Tensor([numbers.length], numbers));
  };
  const all = entries.of(value) ?? [];
  if (all.every(({ kind }) => kind === 'constant')) {
    node.replaceInput(index, vector(all, 0));
    return;
  }
  const concat = entries.chosen(value).producer!;
  let offset = 0;
  const pieces = concat.inputs.map((piece) => {
    const source = entries.pieceOf(piece) ?? [];
    const start = offset;
    offset += source.length;
    return source.some((_, at) => changes.has(start + at)) ? vector(source, start) : piece;
  });
  const attributes = concat.attributes.toObject();
  const rewritten = graph.insertBefore(node, {
    opType: 'Concat',
    inputs: pieces,
    attributes,
  });
  node.replaceInput(index, rewritten.output);
}
