// Which linear operators are quantized, and which are better left alone.
import {
  countMacs,
  type LinearOperator,
  linearOperator,
  propagateShapes,
  readBias,
} from '../../../src/analysis/index.js';
import type { Model, Node, TensorType, Value } from '../../../src/ir/index.js';
import { macsOf } from '../../../src/ops/index.js';
import type { PassContext } from '../../../src/pass/index.js';
import { isDequantized } from '../../../src/quantization/index.js';
import { likelyShapes } from '../../../src/synthetic/index.js';
import type { Options } from '../options.js';
import { fusedActivation } from './fused-activation.js';
import type { Edge, PlannedLinear } from './plan.js';
import { whySlowerAsIntegers } from './slow-integers.js';

/** Below these a matrix product of integers gains nothing. */
const leastK = 64;
const leastElements = 8192;
/** Share of the multiplications below which the first and last operators stay float: more exact, and hardly slower or even faster. */
const cheapShare = 0.02;

/** Those of the nodes that can be quantized; the others are recorded with the reason. */
export function planLinears(
  model: Model,
  nodes: readonly Node[],
  options: Options,
  types: ReadonlyMap<Value, TensorType>,
  { record, target }: { readonly record: Pick<PassContext['record'], 'skipped'> } & Pick<PassContext, 'target'>,
): PlannedLinear[] {
  const shapes = propagateShapes(model, likelyShapes(model));
  const shapeOf = (value: Value) => value.constant?.shape ?? shapes.get(value) ?? null;
  const { total } = countMacs(model, shapeOf);
  const isOnCpu = target.runtime === 'cpu';
  const shareOf = (node: Node): number => (macsOf(node, shapeOf) ?? total) / Math.max(total, 1);
  const planned: PlannedLinear[] = [];
  for (const node of nodes) {
    const operator = linearOperator(node, model);
    const reason =
      node.graph !== model.graph
        ? 'it is in the body of an If, Loop or Scan, whose values calibration cannot see; its weights are stored in eight bits and ranges are found in every run, as with --mode dynamic'
        : typeof operator === 'string'
          ? alreadyQuantized(node, operator)
          : operator &&
            (whyNotQuantized(operator, model, options, { shapeOf, shareOf }) ??
              (isOnCpu ? whySlower(operator, options) : null));
    const edge =
      reason === null && operator && typeof operator !== 'string' ? edgeOf(operator, options, shareOf(node)) : null;
    if (reason !== null) record.skipped(node, reason);
    else if (edge && !options.judged.has('edges')) record.skipped(node, edge.reason);
    else if (operator !== null && typeof operator !== 'string')
      planned.push({ ...planLinear(operator, shareOf(node), model, types, options), edge });
  }
  return dropSharedWeights(planned, record);
}

function planLinear(
  operator: LinearOperator,
  share: number,
  model: Model,
  types: ReadonlyMap<Value, TensorType>,
  options: Options,
): Omit<PlannedLinear, 'edge'> {
  if (operator.kind === 'conv') {
    const activation = fusedActivation(operator.output, model, options);
    return {
      operator,
      share,
      activation,
      result: activation?.output ?? operator.output,
      asGemm: false,
      fixedAxes: null,
    };
  }
  const isSum = operator.node.is('MatMul') && operator.biasSlot !== null;
  const shape = (isSum && types.get(operator.input)?.shape) || [];
  const isFixed = shape.length > 2 && shape.every((length) => typeof length === 'number');
  const fixedAxes = isFixed ? shape.length : null;
  return { operator, share, activation: null, result: null, asGemm: shape.length === 2, fixedAxes };
}

interface Costs {
  shapeOf(value: Value): readonly number[] | null;
  /** Of all multiplications, 0 to 1. */
  shareOf(node: Node): number;
}

function whyNotQuantized(
  operator: LinearOperator,
  model: Model,
  options: Options,
  { shapeOf, shareOf }: Costs,
): string | null {
  const { node, kind, weight, rowLength } = operator;
  const { tensor, dataType, permutation } = weight;
  if (kind === 'conv-transpose') return 'onnxruntime has no integer kernel for it';
  if (!options.floats.has(tensor.dataType) || !options.floats.has(dataType)) return `its weight is ${tensor.dataType}`;
  // A small kernel over a large map is worth it for the multiplications.
  const matters = kind === 'conv' && shareOf(node) >= cheapShare;
  if (tensor.size < options.minimumSize && !matters) return `its weight has only ${tensor.size} elements`;
  if (permutation.some((from, to) => from !== to)) return 'its weight is transposed';
  if (kind === 'matrix' && (rowLength < leastK || tensor.size < leastElements)) {
    return 'integers gain nothing at this size';
  }
  if (node.is('Gemm') && (node.attributes.float('alpha', 1) !== 1 || node.attributes.float('beta', 1) !== 1)) {
    return 'it scales its product or its bias';
  }
  if (!node.is('MatMul') && readBias(operator, model) === null) return 'its bias is not one constant value a channel';
  const spatial = shapeOf(operator.input)?.slice(2);
  if (kind === 'conv' && spatial?.every((length) => length === 1)) return 'integers gain nothing at a single position';
  return null;
}

function whySlower(operator: LinearOperator, { slowKernels, edges }: Options): string | null {
  if (slowKernels === 'integer') return null;
  return whySlowerAsIntegers(operator, edges !== 'integer' && isFirst(operator.input));
}

/** Whether the first convolution, or an operator that only outputs of the model come from, may stay float. */
function edgeOf({ node, kind, input, output }: LinearOperator, { edges }: Options, share: number): Edge | null {
  if (edges === 'integer' || (edges === 'cheap' && share >= cheapShare)) return null;
  const cost = edges === 'cheap' ? `, which costs little: ${(100 * share).toFixed(1)} % of the multiplications` : '';
  if (kind === 'conv' && isFirst(input)) {
    return { end: 'first', reason: `it is a first operator and stays float${cost}` };
  }
  if (!node.is('MatMul') && isLast(output)) {
    return { end: 'last', reason: `it is a last operator and stays float${cost}` };
  }
  return null;
}

/** Whether no other linear operator comes before. */
export function isFirst(input: Value): boolean {
  return !leadsTo([input], upstream);
}

/** Whether no other linear operator comes behind. */
export function isLast(output: Value): boolean {
  return !leadsTo([output], downstream);
}

type Neighbours = (value: Value) => Iterable<Node>;
const upstream: Neighbours = ({ producer }) => (producer ? [producer] : []);
const downstream: Neighbours = (value) => value.consumers();

/** Whether a linear operator lies in that direction. */
function leadsTo(start: readonly Value[], neighbours: Neighbours): boolean {
  const seen = new Set<Node>();
  const open = [...start];
  for (let value = open.pop(); value; value = open.pop()) {
    for (const node of neighbours(value)) {
      if (seen.has(node)) continue;
      seen.add(node);
      if (node.is('Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'LSTM', 'GRU', 'RNN')) return true;
      const next = neighbours === upstream ? node.inputs : node.outputs;
      for (const other of next) if (other && !other.isInitializer) open.push(other);
    }
  }
  return false;
}

/** Nodes that share a weight of a convolution: each rounds it for what it sees, and more copies would take as much as the floats. */
const mostSharing = 3;

/** A weight that somebody else uses in float would be stored twice. */
function dropSharedWeights(
  planned: readonly PlannedLinear[],
  { skipped }: Pick<PassContext['record'], 'skipped'>,
): PlannedLinear[] {
  const users = new Map<Value, number>();
  for (const { operator } of planned) {
    const { value, path } = operator.weight;
    if (path.length === 0) users.set(value, (users.get(value) ?? 0) + 1);
  }
  return planned.filter(({ operator: { node, kind, ownsWeight, weight } }) => {
    const { value } = weight;
    const isCovered = users.get(value) === value.uses.size && !value.isGraphOutput;
    const isFew = kind === 'matrix' || value.uses.size <= mostSharing;
    if (ownsWeight || (isCovered && isFew)) return true;
    skipped(
      node,
      isCovered ? `its weight is shared by ${value.uses.size} convolutions` : 'its weight is used by other nodes too',
    );
    return false;
  });
}

function alreadyQuantized(node: Node, reason: string): string {
  return isDequantized(node.input(1)) ? 'already quantized' : reason;
}
