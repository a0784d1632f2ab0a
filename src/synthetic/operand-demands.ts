// What operators ask of the values of their operands: indices below the rows of a table, shapes that fit, positive scales.
// Made-up inputs that reach such an operand must obey, or the model refuses to run (or ends the process: integer division by 0).

import type { Dimension, Node } from '../ir/index.js';
import { byOperator } from '../ops/index.js';

export type Demand =
  /** Integers from 0 to `limit` - 1. */
  | { readonly kind: 'below'; readonly limit: Dimension }
  /** Numbers in [low, high]. */
  | { readonly kind: 'between'; readonly low: number; readonly high: number }
  /** The same number everywhere. */
  | { readonly kind: 'fill'; readonly value: Dimension }
  /** These numbers in this order; `unknown` for a dimension that nothing tells. */
  | { readonly kind: 'exactly'; readonly values: readonly Dimension[]; readonly unknown: number }
  /** Any of these numbers or texts. */
  | { readonly kind: 'oneOf'; readonly values: readonly (number | string)[] };

/** What a rule may look at. */
export interface DemandContext {
  readonly node: Node;
  /** Shape of an input of the node; null when it is unknown. */
  input(index: number): readonly Dimension[] | null;
  /** Shape of an output of the node. */
  output(index: number): readonly Dimension[] | null;
  /** The numbers of a constant input; null when it is not constant. */
  constant(index: number): readonly number[] | null;
  /** Length of the operand in question where it is a vector. */
  readonly length: number;
}

/** A list of axes, or of parts, that is longer comes from a damaged model. */
const mostAxes = 1024;

type Rule = (context: DemandContext) => Demand | null;

const fill =
  (value: Dimension): Rule =>
  () => ({ kind: 'fill', value });
const between =
  (low: number, high: number): Rule =>
  () => ({ kind: 'between', low, high });
/** 0, 1, 2…: axes that are there whatever the rank. */
const counting: Rule = ({ length }) =>
  length > mostAxes ? null : { kind: 'exactly', values: Array.from({ length }, (_, i) => i), unknown: 0 };

const positive = between(0.02, 0.1);
const zero = fill(0);

function axisOf(node: Node, rank: number, fallback = 0): number {
  const axis = node.attributes.int('axis', fallback);
  return axis < 0 ? axis + rank : axis;
}

/** Indices into input `table` along the attribute `axis`. */
const rows =
  (table: number): Rule =>
  (context) => {
    const shape = context.input(table);
    return shape && shape.length > 0 ? { kind: 'below', limit: shape[axisOf(context.node, shape.length)] } : null;
  };

/** Index tuples into input 0: safe in every axis. */
const tuples: Rule = (context) => {
  const known = (context.input(0) ?? []).filter((dim) => typeof dim === 'number');
  return { kind: 'below', limit: known.length > 0 ? Math.min(...known) : 1 };
};

const outputShape =
  (unknown: number): Rule =>
  (context) => {
    const shape = context.output(0);
    return shape && { kind: 'exactly', values: shape, unknown };
  };

/** Output dimension over input dimension, axis by axis. */
const outputRatio: Rule = (context) => {
  const from = context.input(0);
  const to = context.output(0);
  const ratio = (dim: Dimension, axis: number): number => {
    const before = from?.[axis];
    return typeof dim === 'number' && typeof before === 'number' && before > 0 ? dim / before : 1;
  };
  return { kind: 'exactly', values: (to ?? from ?? []).map(ratio), unknown: 1 };
};

const outputAxis =
  (fallback: number): Rule =>
  (context) => {
    const shape = context.output(0);
    const dim = shape && shape.length > 0 ? shape[axisOf(context.node, shape.length, -1)] : null;
    return { kind: 'fill', value: dim ?? fallback };
  };

/** The axes of a shape that have length 1, filled up by counting. */
const unitAxes =
  (shapeOf: (context: DemandContext) => readonly Dimension[] | null): Rule =>
  (context) => {
    const shape = shapeOf(context) ?? [];
    const units = shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
    return units.length < context.length
      ? counting(context)
      : { kind: 'exactly', values: units.slice(0, context.length), unknown: 0 };
  };

const splitParts: Rule = (context) => {
  const shape = context.input(0);
  const dim = shape && shape.length > 0 ? shape[axisOf(context.node, shape.length)] : null;
  if (typeof dim !== 'number' || context.length === 0 || context.length > mostAxes) return null;
  const part = Math.floor(dim / context.length);
  const values = new Array<number>(context.length).fill(part);
  values[0] += dim - part * context.length;
  return { kind: 'exactly', values, unknown: 1 };
};

/** `1 - x`, which makes a mask of what to leave out: x is a mask of what to keep. */
const keepMask: Rule = (context) =>
  context.constant(0)?.every((value) => value === 1) ? { kind: 'fill', value: 1 } : null;

const timeSteps: Rule = (context) => {
  const shape = context.input(0);
  return { kind: 'fill', value: shape?.[context.node.attributes.int('layout', 0)] ?? 1 };
};

const classes: Rule = (context) => ({ kind: 'below', limit: context.input(0)?.[1] ?? 1 });
const oneHotDepth: Rule = (context) => ({ kind: 'below', limit: context.constant(1)?.[0] ?? 4 });

const encodedKeys: Rule = ({ node }) => {
  const values = ['keys_int64s', 'keys_floats', 'keys_strings', 'cats_int64s', 'cats_strings', 'classlabels_strings']
    .map((name) => node.attributes.get(name))
    .flatMap((attribute): (number | string)[] => {
      if (attribute?.type === 'ints') return attribute.value.map(Number);
      if (attribute?.type === 'floats') return [...attribute.value];
      return attribute?.type === 'strings' ? attribute.value.map((bytes) => new TextDecoder().decode(bytes)) : [];
    });
  return values.length > 0 ? { kind: 'oneOf', values } : null;
};

/** `size` of AffineGrid is [N, C, (D,) H, W]; its output has the coordinates last. */
const gridSize: Rule = (context) => {
  const shape = context.output(0);
  return shape && { kind: 'exactly', values: [shape[0], 3, ...shape.slice(1, -1)], unknown: 2 };
};

const reduce: Readonly<Record<number, Rule>> = { 1: counting };
const recurrent: Readonly<Record<number, Rule>> = { 4: timeSteps };
const quantize: Readonly<Record<number, Rule>> = { 1: positive, 2: zero };
/** Operands in threes, (x, scale, zero point), twice, and the output's scale and zero point. */
const quantizedPair: Readonly<Record<number, Rule>> = {
  1: positive,
  2: zero,
  4: positive,
  5: zero,
  6: positive,
  7: zero,
};

/** By qualified type of the operator and index of the operand. */
const rules: Readonly<Record<string, Readonly<Record<number, Rule>>>> = {
  AffineGrid: { 1: gridSize },
  BatchNormalization: { 4: between(0.5, 1.5) },
  Bernoulli: { 0: between(0, 1) },
  BitShift: { 1: between(0, 7) },
  BlackmanWindow: { 0: fill(10) },
  CenterCropPad: { 1: outputShape(2) },
  Clip: { 1: between(-1, 0), 2: between(1, 2) },
  ConstantOfShape: { 0: outputShape(2) },
  CumSum: { 1: zero },
  DFT: { 1: fill(8), 2: fill(1) },
  DequantizeLinear: quantize,
  Div: { 1: between(1, 5) },
  Dropout: { 1: between(0.1, 0.5), 2: zero },
  Expand: { 1: outputShape(1) },
  Gather: { 1: rows(0) },
  GatherElements: { 1: rows(0) },
  GatherND: { 1: tuples },
  GRU: recurrent,
  HammingWindow: { 0: fill(10) },
  HannWindow: { 0: fill(10) },
  If: { 0: fill(1) },
  Loop: { 0: fill(3), 1: fill(1) },
  LSTM: recurrent,
  MatMulInteger: { 2: zero, 3: zero },
  MaxUnpool: { 1: tuples, 2: outputShape(1) },
  MelWeightMatrix: { 0: fill(8), 1: fill(16), 2: fill(8192), 3: zero, 4: fill(4096) },
  Mod: { 1: between(1, 5) },
  NegativeLogLikelihoodLoss: { 1: classes },
  NonMaxSuppression: { 2: fill(3), 3: between(0.4, 0.6), 4: between(0, 0.1) },
  OneHot: { 0: oneHotDepth, 1: outputAxis(4) },
  Pad: { 1: zero, 3: counting },
  Pow: { 1: between(1, 3) },
  QLinearConv: quantizedPair,
  QLinearMatMul: quantizedPair,
  QuantizeLinear: quantize,
  RNN: recurrent,
  Range: { 0: zero, 1: fill(4), 2: fill(1) },
  ReduceL1: reduce,
  ReduceL2: reduce,
  ReduceLogSum: reduce,
  ReduceLogSumExp: reduce,
  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceSum: reduce,
  ReduceSumSquare: reduce,
  Reshape: { 1: outputShape(-1) },
  Resize: { 1: zero, 2: outputRatio, 3: outputShape(2) },
  ReverseSequence: {
    1: (context) => ({ kind: 'fill', value: context.input(0)?.[context.node.attributes.int('time_axis', 0)] ?? 1 }),
  },
  RoiAlign: { 2: zero },
  RotaryEmbedding: { 3: rows(1) },
  STFT: { 1: fill(8), 3: fill(16) },
  ScatterElements: { 1: rows(0) },
  ScatterND: { 1: tuples },
  Slice: { 1: zero, 2: fill(2 ** 31 - 1), 3: counting, 4: fill(1) },
  SoftmaxCrossEntropyLoss: { 1: classes },
  Split: { 1: splitParts },
  Squeeze: { 1: unitAxes((context) => context.input(0)) },
  Sub: { 1: keepMask },
  TensorScatter: { 2: zero },
  Tile: { 1: outputRatio },
  TopK: { 1: outputAxis(1) },
  Trilu: { 1: zero },
  Unsqueeze: { 1: unitAxes((context) => context.output(0)) },
  Upsample: { 1: outputRatio },
  'ai.onnx.ml::ArrayFeatureExtractor': {
    1: (context) => ({ kind: 'below', limit: context.input(0)?.at(-1) ?? 1 }),
  },
  'ai.onnx.ml::CategoryMapper': { 0: encodedKeys },
  'ai.onnx.ml::LabelEncoder': { 0: encodedKeys },
  'ai.onnx.ml::OneHotEncoder': { 0: encodedKeys },
  'com.microsoft::Attention': { 3: fill(1) },
  'com.microsoft::EmbedLayerNormalization': { 0: rows(2), 1: rows(4), 7: fill(1), 8: rows(3) },
  'com.microsoft::GatherBlockQuantized': { 1: rows(0) },
  'com.microsoft::QLinearAdd': quantizedPair,
  'com.microsoft::QLinearMul': quantizedPair,
  'com.microsoft::RotaryEmbedding': { 1: rows(2) },
};

/** What `context.node` asks of its input `index`; null when it takes anything. */
export function demandOf(index: number, context: DemandContext): Demand | null {
  return byOperator(rules, context.node.qualifiedType)?.[index]?.(context) ?? null;
}
