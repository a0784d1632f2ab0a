// Attention as one operator: com.microsoft Attention, MultiHeadAttention and GroupQueryAttention, and ONNX Attention. Heads can go, with
// their queries, keys and values; the width of a head stays.
import { intAttribute, intsAttribute, type Node } from '../../../ir/index.js';
import type { Axis } from '../axis.js';
import type { Relations } from '../relations.js';
import { labelOf, type OperatorRule } from '../rule.js';

/** Freezes everything that is not tied explicitly: `channels` lists the axes that are. */
function freezeRest(node: Node, relations: Relations, channels: ReadonlySet<Axis | undefined>): void {
  const sides = [...node.inputs.keys()].map((index) => relations.operand(node, index));
  sides.push(...[...node.outputs.keys()].map((index) => relations.result(node, index)));
  for (const axes of sides) {
    for (const axis of axes ?? [])
      if (!channels.has(axis)) relations.freeze(axis, `${labelOf(node)} needs all of ${axis.place}`);
  }
}

/** `axis` as heads of equal width. */
function asHeads(relations: Relations, node: Node, axis: Axis | undefined, heads: Axis): void {
  if (!axis) return;
  if (axis.length === null || heads.length === null || axis.length % heads.length !== 0) {
    relations.freezeAll([axis, heads], `${labelOf(node)} has heads of unknown width`);
    return;
  }
  const width = relations.part(`width of a head of ${labelOf(node)}`, axis.length / heads.length);
  relations.freeze(width, `${labelOf(node)} needs the whole width of a head`);
  relations.compose(axis, [heads, width], node);
}

/** Caches and biases of scores with an axis of heads: tied where it has their number, frozen where it has another. */
function tieHeads(relations: Relations, axis: Axis | undefined, heads: Axis): Axis | undefined {
  if (axis?.length !== heads.length) return undefined;
  relations.tie(axis, heads);
  return axis;
}

/** The axis of heads of output `index`, a cache for the next step; of unknown shape it keeps all heads. */
function tiePresent(node: Node, relations: Relations, index: number, axis: number, heads: Axis): Axis | undefined {
  const axes = relations.result(node, index);
  const value = node.outputs[index];
  if (!axes && value && (value.isUsed || value.isGraphOutput)) {
    relations.freeze(heads, `${labelOf(node)} gives ${value.name}, whose shape is not known`);
  }
  return tieHeads(relations, axes?.[axis], heads);
}

function setHeads(node: Node, name: string, count: number): void {
  if (node.attributes.int(name, 0) !== count) node.attributes.set(name, intAttribute(count));
}

/** com.microsoft Attention: one weight [C, queries + keys + values]. */
export const projectedAttention: OperatorRule = {
  relate(node, relations) {
    const input = relations.operand(node, 0);
    const weight = relations.operand(node, 1);
    const output = relations.result(node);
    const count = node.attributes.int('num_heads', 0);
    const sizes =
      node.attributes.ints('qkv_hidden_sizes') ?? Array.from({ length: 3 }, () => (weight?.[1]?.length ?? 0) / 3);
    if (
      input?.length !== 3 ||
      weight?.length !== 2 ||
      !output ||
      weight[1].length === null ||
      count < 1 ||
      sizes.length !== 3
    ) {
      relations.freezeNode(node, `the shapes of ${labelOf(node)} are not understood`);
      return;
    }
    const heads = relations.part(`heads of ${labelOf(node)}`, count);
    const bias = relations.operand(node, 2);
    const channels = new Set<Axis | undefined>([input[2], ...weight, bias?.[0], output[2]]);
    relations.contract(input[2], weight[0]);
    relations.roles.set(weight[1], 'produced');
    let offset = 0;
    for (const size of sizes) {
      const slice = relations.part(`a projection of ${labelOf(node)}`, size);
      relations.tieRange(slice, 0, weight[1], offset, size);
      asHeads(relations, node, slice, heads);
      offset += size;
    }
    if (bias) relations.tie(bias[0], weight[1]);
    asHeads(relations, node, output[2], heads);
    channels.add(tieHeads(relations, relations.operand(node, 4)?.[2], heads));
    channels.add(tieHeads(relations, relations.operand(node, 5)?.[1], heads));
    channels.add(tiePresent(node, relations, 1, 2, heads));
    freezeRest(node, relations, channels);
  },
  rewrite(node, kept) {
    const weight = kept.relations.operand(node, 1) ?? [];
    const left = kept.of(weight[1]);
    if (!left) return;
    const sizes = node.attributes.ints('qkv_hidden_sizes') ?? Array.from({ length: 3 }, () => weight[1].length! / 3);
    const heads = node.attributes.int('num_heads', 1);
    const widths = sizes.map((size) => size / heads);
    const remaining = left.length / widths.reduce((sum, width) => sum + width, 0);
    setHeads(node, 'num_heads', remaining);
    node.attributes.set('qkv_hidden_sizes', intsAttribute(widths.map((width) => width * remaining)));
  },
};

/** The biases of three projections of equal width in one vector. */
function tieBias(node: Node, relations: Relations, index: number, heads: readonly Axis[]): Axis | undefined {
  if (!node.input(index)) return undefined;
  const axis = relations.operand(node, index)?.[0];
  const length = axis?.length ?? null;
  const width = relations.operand(node, 0)?.[2]?.length ?? null;
  if (!axis || length === null || width === null || length !== heads.length * width) {
    for (const part of heads) relations.freeze(part, `the bias of ${labelOf(node)} is not understood`);
    return undefined;
  }
  for (const [at, part] of heads.entries()) {
    const slice = relations.part(`a bias of ${labelOf(node)}`, width);
    relations.tieRange(slice, 0, axis, at * width, width);
    asHeads(relations, node, slice, part);
  }
  return axis;
}

/** Attention on separate projections, [B, S, heads·width] or [B, heads, S, width], with fewer heads of keys and values or as many. */
function separateAttention(names: {
  queries: string;
  keys: string;
  caches: readonly number[];
  presents: readonly number[];
  /** The input with the biases of queries, keys and values, one after the other. */
  bias?: number;
}): OperatorRule {
  const queryHeads = (node: Node): number => node.attributes.int(names.queries, 0);
  const keyHeads = (node: Node): number => node.attributes.int(names.keys, queryHeads(node));
  return {
    relate(node, relations) {
      const [query, key, value] = [0, 1, 2].map((index) => relations.operand(node, index));
      const output = relations.result(node);
      const four = query?.length === 4;
      const count = four ? (query[1].length ?? 0) : queryHeads(node);
      const shared = four ? (key?.[1]?.length ?? 0) : keyHeads(node);
      if (!query || !key || !value || !output || count < 1 || shared < 1 || count % shared !== 0 || key.length > 4) {
        relations.freezeNode(node, `the shapes of ${labelOf(node)} are not understood`);
        return;
      }
      const heads = relations.part(`heads of ${labelOf(node)}`, count);
      const groups = relations.part(`heads of keys of ${labelOf(node)}`, shared);
      const repeats = relations.part(`queries for a key of ${labelOf(node)}`, count / shared);
      relations.freeze(repeats, `the heads of ${labelOf(node)} that share a key go together`);
      relations.compose(heads, [groups, repeats], node);
      const channels = new Set<Axis | undefined>();
      const place = (axes: readonly Axis[], parts: Axis): void => {
        const axis = axes.length === 4 ? axes[1] : axes[2];
        channels.add(axis);
        if (axes.length === 4) relations.tie(axis, parts);
        else asHeads(relations, node, axis, parts);
      };
      place(query, heads);
      place(key, groups);
      place(value, groups);
      place(output, heads);
      for (const index of names.caches) channels.add(tieHeads(relations, relations.operand(node, index)?.[1], groups));
      for (const index of names.presents) channels.add(tiePresent(node, relations, index, 1, groups));
      if (names.bias !== undefined) channels.add(tieBias(node, relations, names.bias, [heads, groups, groups]));
      freezeRest(node, relations, channels);
    },
    rewrite(node, kept) {
      const query = kept.relations.operand(node, 0) ?? [];
      if (query.length === 4 || !kept.of(query[2])) return;
      const count = queryHeads(node);
      const shared = keyHeads(node);
      const left = (kept.count(query[2]) * count) / query[2].length!;
      if (node.attributes.has(names.keys)) setHeads(node, names.keys, (left * shared) / count);
      setHeads(node, names.queries, left);
    },
  };
}

export const multiHeadAttention = separateAttention({
  queries: 'num_heads',
  keys: '',
  caches: [6, 7],
  presents: [1, 2],
  bias: 3,
});
export const groupQueryAttention = separateAttention({
  queries: 'num_heads',
  keys: 'kv_num_heads',
  caches: [3, 4],
  presents: [1, 2],
});
export const onnxAttention = separateAttention({
  queries: 'q_num_heads',
  keys: 'kv_num_heads',
  caches: [4, 5],
  presents: [1, 2],
});

/** Whether `node` is attention as one operator. */
export function isFusedAttention(node: Node): boolean {
  return [
    'Attention',
    'com.microsoft::Attention',
    'com.microsoft::MultiHeadAttention',
    'com.microsoft::GroupQueryAttention',
  ].includes(node.qualifiedType);
}
