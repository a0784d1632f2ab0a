// Operators that sum: matrix products, convolutions, pooling, recurrences, reductions.
import { broadcast, type Known, normalizeAxis, ofShape } from './known.js';
import { listOf, type Rule, type RuleInput, type Rules } from './rule.js';

/** Shape of `a × b` with ONNX MatMul's rules for 1-d operands. */
function productShape(a: readonly number[], b: readonly number[]): number[] | null {
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  const batch = broadcast([left.slice(0, -2), right.slice(0, -2)]);
  if (!batch) return null;
  return [
    ...batch,
    ...(a.length === 1 ? [] : [left[left.length - 2]]),
    ...(b.length === 1 ? [] : [right[right.length - 1]]),
  ];
}

/** A matrix product of the inputs at `first` and `second`. */
const matmul =
  (first: number, second: number): Rule =>
  ({ inputs }) => {
    const a = inputs[first];
    const b = inputs[second];
    const shape = a && b ? productShape(a.shape, b.shape) : null;
    return shape && [ofShape(shape)];
  };

const gemm =
  (second: number): Rule =>
  ({ node, inputs }) => {
    const a = inputs[0];
    const b = inputs[second];
    if (!a || !b) return null;
    const swapped = ({ shape }: Known, attribute: string): readonly number[] =>
      node.attributes.int(attribute, 0) !== 0 ? [...shape.slice(0, -2), ...shape.slice(-2).reverse()] : shape;
    const shape = productShape(swapped(a, 'transA'), swapped(b, 'transB'));
    return shape && [ofShape(shape)];
  };

const packedProduct: Rule = ({ node, inputs: [a] }) =>
  a ? [ofShape([...a.shape.slice(0, -1), node.attributes.int('N', 0)])] : null;

interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** At the begin of each axis, then at the end of each. */
  readonly pads: readonly number[];
  readonly autoPad: string;
}

function windowOf({ node }: RuleInput, kernel: readonly number[]): Window {
  const { attributes } = node;
  const ones = kernel.map(() => 1);
  return {
    kernel,
    strides: attributes.ints('strides') ?? ones,
    dilations: attributes.ints('dilations') ?? ones,
    pads: attributes.ints('pads') ?? [...kernel, ...kernel].map(() => 0),
    autoPad: attributes.string('auto_pad', 'NOTSET'),
  };
}

/** Positions of a window sliding along axis `axis` of length `dim`. */
function slide(dim: number, axis: number, window: Window, roundUp: boolean): number {
  const stride = window.strides[axis];
  if (window.autoPad.startsWith('SAME')) return Math.ceil(dim / stride);
  const count = window.kernel.length;
  const extent = (window.kernel[axis] - 1) * window.dilations[axis] + 1;
  const pads = window.autoPad === 'VALID' ? 0 : window.pads[axis] + window.pads[axis + count];
  const positions = (dim + pads - extent) / stride;
  if (!roundUp) return Math.floor(positions) + 1;
  const length = Math.ceil(positions) + 1;
  // A window that would start in the padding at the end is left out.
  return (length - 1) * stride >= dim + (window.autoPad === 'VALID' ? 0 : window.pads[axis]) ? length - 1 : length;
}

const convolution =
  (weight: number): Rule =>
  (input) => {
    const [data] = input.inputs;
    const filter = input.inputs[weight];
    if (!data || !filter) return null;
    const window = windowOf(input, filter.shape.slice(2));
    const spatial = data.shape.slice(2).map((dim, axis) => slide(dim, axis, window, false));
    return [ofShape([data.shape[0], filter.shape[0], ...spatial])];
  };

const transposedConvolution: Rule = (input) => {
  const [data, filter] = input.inputs;
  if (!data || !filter) return null;
  const { attributes } = input.node;
  const window = windowOf(input, filter.shape.slice(2));
  const count = window.kernel.length;
  const extra = attributes.ints('output_padding') ?? window.kernel.map(() => 0);
  const given = attributes.ints('output_shape');
  const spatial = data.shape.slice(2).map((dim, axis) => {
    if (given) return given[given.length - count + axis];
    const stride = window.strides[axis];
    if (window.autoPad.startsWith('SAME')) return dim * stride;
    const pads = window.autoPad === 'VALID' ? 0 : window.pads[axis] + window.pads[axis + count];
    return stride * (dim - 1) + extra[axis] + (window.kernel[axis] - 1) * window.dilations[axis] + 1 - pads;
  });
  return [ofShape([data.shape[0], filter.shape[1] * attributes.int('group', 1), ...spatial])];
};

const pool: Rule = (input) => {
  const [data] = input.inputs;
  const kernel = input.node.attributes.ints('kernel_shape');
  if (!data || !kernel) return null;
  const window = windowOf(input, kernel);
  const roundUp = input.node.attributes.int('ceil_mode', 0) !== 0;
  const result = ofShape([
    ...data.shape.slice(0, 2),
    ...data.shape.slice(2).map((dim, axis) => slide(dim, axis, window, roundUp)),
  ]);
  return input.node.outputs.map(() => result);
};

const globalPool: Rule = ({ inputs: [data] }) =>
  data ? [ofShape([...data.shape.slice(0, 2), ...data.shape.slice(2).map(() => 1)])] : null;

/** Y [sequence, directions, batch, hidden], the last states [directions, batch, hidden]; `layout` 1 puts the batch first. */
const recurrence: Rule = ({ node, inputs: [data, , recurrent] }) => {
  if (data?.shape.length !== 3 || !recurrent) return null;
  const [directions] = recurrent.shape;
  // The recurrence weights of com.microsoft's quantized LSTM are transposed.
  const hidden = node.attributes.int('hidden_size', recurrent.shape[2]);
  const [a, b] = data.shape;
  if (node.attributes.int('layout', 0) !== 0) {
    const state = ofShape([a, directions, hidden]);
    return [ofShape([a, b, directions, hidden]), state, state];
  }
  const state = ofShape([directions, b, hidden]);
  return [ofShape([a, directions, b, hidden]), state, state];
};

const reduce: Rule = (input) => {
  const { node } = input;
  const [data] = input.inputs;
  const axes = listOf(input, 'axes', 1);
  if (!data || axes === null) return null;
  const rank = data.shape.length;
  const keep = node.attributes.int('keepdims', 1) !== 0;
  if ((axes === undefined || axes.length === 0) && node.attributes.int('noop_with_empty_axes', 0) !== 0) return [data];
  const reduced = new Set(
    (axes?.length ? axes : data.shape.map((_, axis) => axis)).map((axis) => normalizeAxis(axis, rank)),
  );
  const shape = data.shape.flatMap((dim, axis) => (reduced.has(axis) ? (keep ? [1] : []) : [dim]));
  const whole = reduced.size === rank && data.values;
  if (whole && node.opType === 'ReduceProd') {
    return [{ shape, values: [whole.reduce((product, value) => product * value, 1)], integer: data.integer }];
  }
  return [ofShape(shape, data.integer)];
};

const argument: Rule = ({ node, inputs: [data] }) => {
  if (!data) return null;
  const axis = normalizeAxis(node.attributes.int('axis', 0), data.shape.length);
  const keep = node.attributes.int('keepdims', 1) !== 0;
  return [
    ofShape(
      data.shape.flatMap((dim, at) => (at === axis ? (keep ? [1] : []) : [dim])),
      true,
    ),
  ];
};

const topK: Rule = ({ node, inputs: [data, count] }) => {
  const k = node.attributes.int('k', null) ?? count?.values?.[0];
  if (!data || k === undefined) return null;
  const axis = normalizeAxis(node.attributes.int('axis', -1), data.shape.length);
  const shape = data.shape.map((dim, at) => (at === axis ? k : dim));
  return [ofShape(shape), ofShape(shape, true)];
};

const einsum: Rule = ({ node, inputs }) => {
  const [terms, result] = node.attributes.string('equation', '').replaceAll(' ', '').split('->');
  if (result === undefined || result.includes('.')) return null;
  const lengths = new Map<string, number>();
  for (const [index, term] of terms.split(',').entries()) {
    const input = inputs[index];
    if (!input || term.includes('.')) return null;
    [...term].forEach((label, axis) => {
      lengths.set(label, input.shape[axis]);
    });
  }
  const shape = [...result].map((label) => lengths.get(label) ?? Number.NaN);
  return shape.some(Number.isNaN) ? null : [ofShape(shape)];
};

/** Scores of queries against keys, weighting values: [batch, sequence, channels] or with an axis of heads before the sequence. */
const attention: Rule = ({ node, inputs: [query, , value] }) => {
  if (!query) return null;
  if (!value) return [ofShape(query.shape)];
  if (query.shape.length === 4) return [ofShape([...query.shape.slice(0, 3), value.shape[3]])];
  const heads = node.attributes.int('q_num_heads', node.attributes.int('num_heads', 1));
  const keyHeads = node.attributes.int('kv_num_heads', heads);
  const width = value.shape.length === 4 ? value.shape[3] * heads : (value.shape[2] / keyHeads) * heads;
  return [ofShape([query.shape[0], query.shape[1], width])];
};

/** com.microsoft Attention: projections [channels, query + key + value channels] and attention in one. */
const projectedAttention: Rule = ({ node, inputs: [input, weights] }) => {
  if (input?.shape.length !== 3 || weights?.shape.length !== 2) return null;
  const width = node.attributes.ints('qkv_hidden_sizes')?.[2] ?? weights.shape[1] / 3;
  return [ofShape([input.shape[0], input.shape[1], width])];
};

const reductions = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare'];

export const computingRules: Rules = {
  MatMul: matmul(0, 1),
  MatMulInteger: matmul(0, 1),
  QLinearMatMul: matmul(0, 3),
  'com.microsoft::DynamicQuantizeMatMul': matmul(0, 1),
  'com.microsoft::MatMulIntegerToFloat': matmul(0, 1),
  'com.microsoft::MatMulNBits': packedProduct,
  'com.microsoft::FusedMatMul': gemm(1),
  'com.microsoft::FusedGemm': gemm(1),
  'com.microsoft::QGemm': gemm(3),
  Gemm: gemm(1),
  Einsum: einsum,
  Conv: convolution(1),
  ConvInteger: convolution(1),
  QLinearConv: convolution(3),
  DeformConv: convolution(1),
  'com.microsoft::FusedConv': convolution(1),
  ConvTranspose: transposedConvolution,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  'com.microsoft::QLinearGlobalAveragePool': globalPool,
  LSTM: recurrence,
  GRU: recurrence,
  RNN: recurrence,
  'com.microsoft::DynamicQuantizeLSTM': recurrence,
  ...Object.fromEntries(reductions.map((name) => [`Reduce${name}`, reduce])),
  ArgMax: argument,
  ArgMin: argument,
  TopK: topK,
  Attention: attention,
  'com.microsoft::MultiHeadAttention': attention,
  'com.microsoft::GroupQueryAttention': attention,
  'com.microsoft::Attention': projectedAttention,
  'com.microsoft::QAttention': projectedAttention,
};
