// Values whose channels can be divided by factors in what computes them and multiplied in what takes them, without changing the model: behind a
// norm, behind a linear operator (through activations that are homogeneous for positive factors), behind the gate of SwiGLU.
import { type LinearOperator, linearOperator, readBias } from '../analysis/index.js';
import { hasRows } from '../calibration/index.js';
import type { Model, Node, Value } from '../ir/index.js';
import { isFloat } from '../tensor/index.js';

export interface ScalePair {
  readonly value: Value;
  readonly channels: number;
  /** Of the channels in `value`; negative: from the end. */
  readonly axis: number;
  /** All that take the value. */
  readonly consumers: readonly LinearOperator[];
  readonly source: ScaleSource;
}

/** What computes the channels: constants of one element a channel, or a linear operator with its bias. */
export type ScaleSource =
  | { readonly kind: 'constants'; readonly what: string; readonly constants: readonly Constant[] }
  | { readonly kind: 'linear'; readonly what: string; readonly operator: LinearOperator };

export interface Constant {
  readonly node: Node;
  readonly index: number;
}

/** The pairs of the main graph, and the values that are taken by linear operators alone but have no such source, with the reason. */
export function findScalePairs(
  model: Model,
  nodes: Iterable<Node>,
): { pairs: ScalePair[]; reasons: Map<Node, string> } {
  const operators = new Map<Node, LinearOperator>();
  const reasons = new Map<Node, string>();
  for (const node of nodes) {
    const operator = linearOperator(node, model);
    if (operator === null) continue;
    const reason = typeof operator === 'string' ? operator : whyNotScaled(operator, model);
    if (reason !== null) reasons.set(node, reason);
    else if (typeof operator !== 'string') operators.set(node, operator);
  }
  const pairs: ScalePair[] = [];
  const byInput = new Map<Value, LinearOperator[]>();
  for (const operator of operators.values()) {
    byInput.set(operator.input, [...(byInput.get(operator.input) ?? []), operator]);
  }
  for (const [value, consumers] of byInput) {
    const pair = pairOf(value, consumers, operators);
    if (typeof pair === 'string') for (const { node } of consumers) reasons.set(node, pair);
    else pairs.push(pair);
  }
  return { pairs, reasons };
}

function whyNotScaled(operator: LinearOperator, model: Model): string | null {
  const { node, weight, ownsWeight, groups } = operator;
  if (node.graph !== model.graph) return 'it is not in the main graph, where calibration sees it';
  if (weight.tensor.dataType !== 'float32' || weight.dataType !== 'float32')
    return `its weight is ${weight.tensor.dataType}`;
  if (!ownsWeight) return 'its weight is used by other nodes too';
  if (groups !== 1) return 'its channels fall into groups';
  if (!hasRows(operator)) return 'it is no convolution over one or two axes';
  return null;
}

function pairOf(
  value: Value,
  consumers: readonly LinearOperator[],
  operators: ReadonlyMap<Node, LinearOperator>,
): ScalePair | string {
  if (value.isGraphOutput || value.uses.size !== consumers.length) return 'something else takes its input too';
  const [{ kind, rowLength, weight }] = consumers;
  if (consumers.some((other) => other.kind !== kind)) return 'convolutions and matrix products share its input';
  const elements = kind === 'conv' ? weight.shape.slice(2).reduce((product, length) => product * length, 1) : 1;
  const channels = rowLength / elements;
  const source = sourceOf(value, channels, kind, operators);
  if (source === null) return 'what computes its input cannot take factors';
  return { value, channels, axis: kind === 'conv' ? 1 : -1, consumers, source };
}

/** They multiply by any positive factor what they were multiplied by. */
const homogeneous = ['Relu', 'LeakyRelu', 'MaxPool', 'AveragePool', 'Identity'];

/** onnxruntime's own has no domain. */
const norms: ReadonlySet<string> = new Set(['LayerNormalization', 'RMSNormalization', 'SimplifiedLayerNormalization']);

function sourceOf(
  value: Value,
  channels: number,
  kind: LinearOperator['kind'],
  operators: ReadonlyMap<Node, LinearOperator>,
): ScaleSource | null {
  const { producer } = value;
  if (!producer || producer.outputs[0] !== value) return null;
  if (producer.is(...homogeneous)) {
    const before = producer.input(0);
    return before && isTakenOnce(before) ? sourceOf(before, channels, kind, operators) : null;
  }
  const linear = linearBehind(value, channels, kind, operators);
  if (linear) return { kind: 'linear', what: `the ${linear.node.opType} before it`, operator: linear };
  if (kind !== 'matrix') return null;
  if (norms.has(producer.qualifiedType)) {
    return constantsOf(
      'the norm before it',
      [1, 2].map((index) => ({ node: producer, index })),
      channels,
    );
  }
  if (producer.is('Mul')) return factorOf(producer, channels) ?? gateOf(producer, channels, operators);
  if (!producer.is('Add')) return null;
  // x · γ + β in parts.
  const index = producer.inputs.findIndex((input) => input !== null && isVector(input, channels));
  const product = index < 0 ? null : producer.input(1 - index);
  if (!product?.producer?.is('Mul') || !isTakenOnce(product)) return null;
  const gamma = factorOf(product.producer, channels);
  const beta = constantsOf('', [{ node: producer, index }], channels);
  if (gamma?.kind !== 'constants' || beta?.kind !== 'constants') return null;
  return { ...gamma, constants: [...gamma.constants, ...beta.constants] };
}

function linearBehind(
  value: Value,
  channels: number,
  kind: LinearOperator['kind'],
  operators: ReadonlyMap<Node, LinearOperator>,
): LinearOperator | null {
  for (const operator of operators.values()) {
    if (operator.output === value && operator.outputChannels === channels && operator.kind === kind) return operator;
  }
  return null;
}

/** A product with a constant of one element a channel. */
function factorOf(product: Node, channels: number): ScaleSource | null {
  const index = product.inputs.findIndex((input) => input !== null && isVector(input, channels));
  return index < 0 ? null : constantsOf('the norm before it', [{ node: product, index }], channels);
}

/** SiLU(g) · u: the linear operator that computes u. */
function gateOf(product: Node, channels: number, operators: ReadonlyMap<Node, LinearOperator>): ScaleSource | null {
  for (const input of product.inputs) {
    if (!input || !isTakenOnce(input)) continue;
    const operator = linearBehind(input, channels, 'matrix', operators);
    if (operator) return { kind: 'linear', what: 'the up projection before it', operator };
  }
  return null;
}

function constantsOf(what: string, candidates: readonly Constant[], channels: number): ScaleSource | null {
  const given = candidates.filter(({ node, index }) => node.input(index) !== null);
  const usable = given.every(({ node, index }) => isVector(node.input(index)!, channels));
  return usable && given.length > 0 ? { kind: 'constants', what, constants: given } : null;
}

/** A float32 constant of one element a channel that nothing else uses. */
function isVector(value: Value, channels: number): boolean {
  const { constant } = value;
  return (
    constant !== null &&
    isFloat(constant.dataType) &&
    constant.dataType === 'float32' &&
    constant.size === channels &&
    constant.shape.at(-1) === channels &&
    isTakenOnce(value)
  );
}

function isTakenOnce(value: Value): boolean {
  return value.uses.size === 1 && !value.isGraphOutput;
}

/** Whether the bias of the source can be divided too. */
export function canDivide({ source }: ScalePair, model: Model): boolean {
  return source.kind === 'constants' || readBias(source.operator, model) !== null;
}
