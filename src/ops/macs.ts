// Multiply-accumulate operations of nodes: what matrix products, convolutions, recurrences and attention cost, from the shapes
// of their inputs and outputs. Elementwise operators and reductions count as none.
import type { Node, Value } from '../ir/index.js';

/** The shape of a value with every axis known, or null. */
export type ShapeOf = (value: Value) => readonly number[] | null;

/** MACs of one execution of `node`; null when they depend on shapes that are not known. */
export function macsOf(node: Node, shapeOf: ShapeOf): number | null {
  const count = counters.get(node.qualifiedType);
  if (!count) return 0;
  const shapes = node.inputs.map((input) => input && shapeOf(input));
  const result = count({ node, inputs: shapes, output: node.outputs[0] ? shapeOf(node.outputs[0]) : null });
  return result !== null && Number.isFinite(result) ? result : null;
}

/** Whether MACs of this operator are counted at all. */
export function isMultiplying(node: Node): boolean {
  return counters.has(node.qualifiedType);
}

type Shape = readonly number[];

interface NodeShapes {
  readonly node: Node;
  readonly inputs: readonly (Shape | null)[];
  readonly output: Shape | null;
}

type Counter = (shapes: NodeShapes) => number | null;

function product(dims: Shape): number {
  return dims.reduce((result, dim) => result * dim, 1);
}

/** A matrix product whose result has as many elements as the output: each takes as many MACs as `a` has columns. */
function matrixProduct(transposed: string | null = null): Counter {
  return ({ node, inputs, output }) => {
    const [a] = inputs;
    if (!a || !output || a.length === 0) return null;
    const inner = transposed && node.attributes.int(transposed, 0) !== 0 ? a.length - 2 : a.length - 1;
    return inner < 0 ? null : product(output) * a[inner];
  };
}

/** Each output element takes the elements of one filter, which is `weight` without its output channels (the first axis). */
function convolution(weight: number): Counter {
  return ({ inputs, output }) => {
    const filter = inputs[weight];
    return filter && output ? product(output) * product(filter.slice(1)) : null;
  };
}

/** Each input element meets all outputs of its filter; the weight is [input channels, output channels / group, ...kernel]. */
const transposedConvolution: Counter = ({ inputs: [input, filter] }) =>
  input && filter ? product(input) * product(filter.slice(1)) : null;

/** X [sequence, batch, input] (either order) meets all of W and R ([directions, …]) at every step. */
const recurrence: Counter = ({ inputs: [x, w, r] }) =>
  x && w && r && x.length === 3 ? x[0] * x[1] * (product(w) + product(r)) : null;

/** `ij,jk->ik`: one MAC for every combination of all indices, where there is more than one operand. */
const einsum: Counter = ({ node, inputs }) => {
  const terms = node.attributes.string('equation', '').replaceAll(' ', '').split('->')[0].split(',');
  if (terms.length < 2) return 0;
  const sizes = new Map<string, number>();
  for (const [index, term] of terms.entries()) {
    const shape = inputs[index];
    if (!shape || term.includes('...') || term.length !== shape.length) return null;
    [...term].forEach((label, axis) => {
      sizes.set(label, Math.max(shape[axis], sizes.get(label) ?? 0));
    });
  }
  return product([...sizes.values()]);
};

/** Scores and their weighted sum: queries × keys × channels of a key, and of a value. */
function attention(batch: number, queries: number, keys: number, keyWidth: number, valueWidth: number): number {
  return batch * queries * keys * (keyWidth + valueWidth);
}

/** com.microsoft Attention and QAttention: input [batch, sequence, channels], weights [channels, query + key + value channels]. */
const projectedAttention: Counter = ({ node, inputs: [input, weights], output }) => {
  if (input?.length !== 3 || weights?.length !== 2 || output?.length !== 3) return null;
  const [batch, sequence] = input;
  const valueWidth = output[2];
  const keyWidth = node.attributes.ints('qkv_hidden_sizes')?.[1] ?? (weights[1] - valueWidth) / 2;
  return batch * sequence * product(weights) + attention(batch, sequence, sequence, keyWidth, valueWidth);
};

/** Attention on separate query, key and value: [batch, sequence, heads × width], or with an axis of heads before the sequence. */
const separateAttention: Counter = ({ node, inputs: [query, key, value], output }) => {
  if (!query || !key || !value || !output) return null;
  const batch = query[0];
  const queries = query.length === 4 ? query[2] : query[1];
  const keys = key.length === 4 ? key[2] : key[1];
  const all = (shape: Shape): number => (shape.length === 4 ? shape[1] * shape[3] : shape[2]);
  // Grouped queries share keys: every head of the query computes.
  const heads = query.length === 4 ? query[1] : node.attributes.int('q_num_heads', node.attributes.int('num_heads', 1));
  const keyHeads = key.length === 4 ? key[1] : node.attributes.int('kv_num_heads', heads);
  return attention(batch, queries, keys, all(query), (all(value) / keyHeads) * heads);
};

/** com.microsoft MatMulNBits: the weight is packed, its shape is in the attributes. */
const packedProduct: Counter = ({ node, inputs: [a] }) => {
  const columns = node.attributes.int('N', 0);
  return a && columns > 0 ? product(a) * columns : null;
};

const counters: ReadonlyMap<string, Counter> = new Map(
  Object.entries({
    MatMul: matrixProduct(),
    MatMulInteger: matrixProduct(),
    QLinearMatMul: matrixProduct(),
    Gemm: matrixProduct('transA'),
    Einsum: einsum,
    Conv: convolution(1),
    ConvInteger: convolution(1),
    QLinearConv: convolution(3),
    DeformConv: convolution(1),
    ConvTranspose: transposedConvolution,
    LSTM: recurrence,
    GRU: recurrence,
    RNN: recurrence,
    Attention: separateAttention,
    'com.microsoft::FusedConv': convolution(1),
    'com.microsoft::NhwcFusedConv': convolution(1),
    'com.microsoft::FusedMatMul': matrixProduct('transA'),
    'com.microsoft::FusedGemm': matrixProduct('transA'),
    'com.microsoft::QGemm': matrixProduct('transA'),
    'com.microsoft::DynamicQuantizeMatMul': matrixProduct(),
    'com.microsoft::MatMulIntegerToFloat': matrixProduct(),
    'com.microsoft::MatMulNBits': packedProduct,
    'com.microsoft::DynamicQuantizeLSTM': recurrence,
    'com.microsoft::Attention': projectedAttention,
    'com.microsoft::QAttention': projectedAttention,
    'com.microsoft::MultiHeadAttention': separateAttention,
    'com.microsoft::GroupQueryAttention': separateAttention,
  } satisfies Record<string, Counter>),
);
