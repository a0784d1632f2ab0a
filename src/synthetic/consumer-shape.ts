// Lengths that the first operators behind an input ask of its dynamic axes: features of a MatMul, channels of a Conv.

import type { Node, Value } from '../ir/index.js';
import { byOperator } from '../ops/index.js';

/** Operators that change neither shape nor order of axes. */
const shapeKeeping: ReadonlySet<string> = new Set([
  'Cast',
  'Clip',
  'Dropout',
  'Identity',
  'LeakyRelu',
  'Relu',
  'Sigmoid',
  'Tanh',
]);

/** The length that weights ask of axis `axis` of `input`, which has `rank` axes; null when they ask nothing. */
export function lengthFromConsumers(input: Value, axis: number, rank: number): number | null {
  for (const { node, index } of input.uses) {
    const length =
      shapeKeeping.has(node.opType) && node.domain === '' && index === 0
        ? lengthFromConsumers(node.output, axis, rank)
        : (byOperator(rules, node.qualifiedType)?.(node, index, axis, rank) ?? null);
    if (length !== null) return length;
  }
  return null;
}

type Rule = (node: Node, index: number, axis: number, rank: number) => number | null;

/** Shape of a constant operand. */
function weightShape(node: Node, index: number): readonly number[] | null {
  return node.input(index)?.constant?.shape ?? null;
}

const channels: Rule = (node, index, axis) => {
  const weight = weightShape(node, 1);
  if (!weight || index !== 0 || axis !== 1) return null;
  return node.is('ConvTranspose') ? weight[0] : weight[1] * node.attributes.int('group', 1);
};

const perChannel: Rule = (node, index, axis) =>
  index === 0 && axis === 1 ? (weightShape(node, 1)?.[0] ?? null) : null;

const lastAxis =
  (weightAxis: number): Rule =>
  (node, index, axis, rank) =>
    index === 0 && axis === rank - 1 ? (weightShape(node, 1)?.at(weightAxis) ?? null) : null;

const product: Rule = (node, index, axis, rank) => {
  const other = weightShape(node, 1 - index);
  if (!other || other.length < 2) return null;
  if (index === 0) return axis === rank - 1 ? other[other.length - 2] : null;
  return axis === rank - 2 ? other[other.length - 1] : null;
};

const gemm: Rule = (node, index, axis) => {
  const weight = weightShape(node, 1);
  const inner = node.attributes.int('transA', 0) === 0 ? 1 : 0;
  if (!weight || index !== 0 || axis !== inner) return null;
  return weight[node.attributes.int('transB', 0) === 0 ? 0 : 1];
};

/** Broadcasting with a constant: its axes, counted from the last, that are longer than 1. */
const broadcast: Rule = (node, index, axis, rank) => {
  const other = weightShape(node, 1 - index);
  const length = other?.[axis - rank + other.length];
  return length !== undefined && length > 1 ? length : null;
};

const rules: Readonly<Record<string, Rule>> = {
  Add: broadcast,
  BatchNormalization: perChannel,
  Conv: channels,
  ConvTranspose: channels,
  Div: broadcast,
  GRU: lastAxis(2),
  Gemm: gemm,
  InstanceNormalization: perChannel,
  LSTM: lastAxis(2),
  LayerNormalization: lastAxis(-1),
  MatMul: product,
  Mul: broadcast,
  RNN: lastAxis(2),
  Sub: broadcast,
};
