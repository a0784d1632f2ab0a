// Attention of queries, keys and values that are projected already (Vaswani et al. 2017): com.microsoft::MultiHeadAttention, and ONNX's Attention of opset 23, whose
// heads of keys and values may be fewer than those of queries (Ainslie et al. 2023). Without past state.
import type { Value } from '../../ir/index.js';
import { int64Tensor } from '../../tensor/index.js';
import type { GraphBuilder } from '../graph-builder.js';
import type { Expansion } from './index.js';

/** Queries [n, heads, length, width], keys and values likewise. */
interface Heads {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
}

interface Scores {
  readonly scale: number;
  /** Added to scores, broadcast. */
  readonly added: readonly Value[];
  readonly causal: boolean;
  /** What a causal mask writes. */
  readonly filter: number;
}

/** Queries [n, length, hidden], keys and values of three axes; with a mask of key positions [n, keys], a bias of scores, or neither. */
export const multiHeadAttention: Expansion = (node, b) => {
  const { attributes } = node;
  const [query, key, value] = [0, 1, 2].map((index) => node.input(index));
  const special =
    node.inputs.slice(6).some((input) => input && input.name !== '') || node.outputs.slice(1).some(isUsed);
  if (special || [query, key, value].some((each) => !each || b.shapeOf(each).length !== 3)) return null;
  const [mask, added] = [node.input(4), node.input(5)];
  if (mask && b.shapeOf(mask).length !== 2) return null;
  const heads = attributes.int('num_heads', 1);
  const filter = attributes.float('mask_filter_value', -10000);
  const bias = node.input(3);
  let start = 0;
  const [q, k, v] = [query!, key!, value!].map((each) => {
    const width = b.shapeOf(each)[2];
    start += width;
    return splitHeads(b, bias ? b.add(each, b.slice(bias, 0, start - width, start)) : each, heads);
  });
  const scale = attributes.float('scale', 0) || 1 / Math.sqrt(b.shapeOf(q)[3]);
  const context = attend(
    b,
    { q, k, v },
    {
      scale,
      added: [...(mask ? [keyMask(b, mask, filter)] : []), ...(added ? [added] : [])],
      causal: attributes.int('unidirectional', 0) === 1,
      filter,
    },
  );
  return [joinHeads(b, context)];
};

/** Inputs of four axes [n, heads, length, width], or of three with the heads in the attributes. */
export const attentionOfOnnx: Expansion = (node, b) => {
  const { attributes } = node;
  const [query, key, value, mask = null] = node.inputs;
  const special =
    node.inputs.slice(4).some((input) => input && input.name !== '') || node.outputs.slice(1).some(isUsed);
  if (special || !query || !key || !value || attributes.float('softcap', 0) !== 0) return null;
  const flat = b.shapeOf(query).length === 3;
  const [own, fewer] = [attributes.int('q_num_heads', 0), attributes.int('kv_num_heads', 0)];
  const asHeads = (each: Value, heads: number): Value => (flat ? splitHeads(b, each, heads) : each);
  const q = asHeads(query, own);
  const heads = b.shapeOf(q)[1];
  const [k, v] = [key, value].map((each) => repeatHeads(b, asHeads(each, fewer), heads));
  if (mask && !b.shapeOf(mask).length) return null;
  const scale = attributes.float('scale', 0) || 1 / Math.sqrt(b.shapeOf(q)[3]);
  const causal = attributes.int('is_causal', 0) === 1;
  const added = mask ? [isBoolean(mask) ? b.where(mask, b.scalar(0), b.scalar(-1e9)) : mask] : [];
  const context = attend(b, { q, k, v }, { scale, added, causal, filter: -1e9 });
  return [flat ? joinHeads(b, context) : context];
};

function isUsed(output: Value | null): boolean {
  return output?.isUsed === true;
}

function isBoolean({ type, constant }: Value): boolean {
  return (constant?.dataType ?? (type?.kind === 'tensor' ? type.dataType : null)) === 'bool';
}

function attend(b: GraphBuilder, { q, k, v }: Heads, { scale, added, causal, filter }: Scores): Value {
  let scores = b.scale(b.matMul(q, b.transposeLast(k)), scale);
  for (const each of added) scores = b.add(scores, each);
  return b.matMul(b.softmax(causal ? hideLater(b, scores, filter) : scores, -1), v);
}

/** [n, length, heads · width] → [n, heads, length, width] */
function splitHeads(b: GraphBuilder, value: Value, heads: number): Value {
  const [n, length, hidden] = b.shapeOf(value);
  return b.transpose(b.reshape(value, [n, length, heads, hidden / heads]), [0, 2, 1, 3]);
}

function joinHeads(b: GraphBuilder, value: Value): Value {
  const [n, heads, length, width] = b.shapeOf(value);
  return b.reshape(b.transpose(value, [0, 2, 1, 3]), [n, length, heads * width]);
}

/** Each head so often that there are `heads`. */
function repeatHeads(b: GraphBuilder, value: Value, heads: number): Value {
  const [n, own, length, width] = b.shapeOf(value);
  if (own === heads) return value;
  const repeated = b.expand(b.reshape(value, [n, own, 1, length, width]), [n, own, heads / own, length, width]);
  return b.reshape(repeated, [n, heads, length, width]);
}

/** What is added to scores for a mask [n, keys] of 1 and 0. */
export function keyMask(b: GraphBuilder, mask: Value, filter: number): Value {
  const [n, length] = b.shapeOf(mask);
  const masked = b.sub(b.scalar(1), b.cast(mask, 'float32'));
  return b.reshape(b.scale(masked, filter), [n, 1, 1, length]);
}

/** Scores [.., queries, keys] of keys behind their query become `filter`. */
export function hideLater(b: GraphBuilder, scores: Value, filter: number): Value {
  const [queries, keys] = b.shapeOf(scores).slice(-2);
  const places = (count: number, shape: readonly number[]): Value =>
    b.reshape(b.constant(int64Tensor([count], [...Array(count).keys()])), shape);
  const later = b.binary('Greater', places(keys, [1, keys]), places(queries, [queries, 1]));
  return b.where(later, b.scalar(filter), scores);
}
