// Two passes for inputs that eight bits are too few for (SiLU(g) · u of a gated unit, with its rare large values): the product of the
// rounded value, and that of what rounding left, on the same integer weight. Sixteen bits for the time of a second product, and no bytes.
import type { LinearOperator } from '../../../src/analysis/index.js';
import type { RangeChoice } from '../../../src/calibration/index.js';
import type { Node, Value } from '../../../src/ir/index.js';
import { Selection } from '../../../src/pass/index.js';
import type { QdqInserter, QuantizationParameters } from '../../../src/quantization/index.js';
import type { Options } from '../options.js';

/** How many times the median error an outlier has. */
const outlierFactor = 8;
/** Squared error relative to the squares below which one pass will do: 30 dB. */
const leastOutlier = 1e-3;
/** Of all errors, what the worst leave to the others. */
const shareLeft = 1 / 3;

/** The inputs of matrix products that are to have sixteen bits by name. */
export function namedValues(
  choices: ReadonlyMap<Value, RangeChoice>,
  linears: ReadonlyMap<Node, LinearOperator>,
  { sixteenBits }: Options,
): Set<Value> {
  const named = new Selection(sixteenBits, []);
  const wanted = [...linears].flatMap(([node, { kind, input }]) =>
    sixteenBits.length > 0 && kind === 'matrix' && named.includes(node) && choices.has(input) ? [input] : [],
  );
  return new Set(wanted);
}

/** The inputs of matrix products whose held-out error stands out, by as much as the options say. */
export function worstValues(
  choices: ReadonlyMap<Value, RangeChoice>,
  linears: ReadonlyMap<Node, LinearOperator>,
  { twoPass }: Options,
): Set<Value> {
  if (twoPass === 'off') return new Set();
  const inputs = new Set([...linears.values()].flatMap(({ kind, input }) => (kind === 'matrix' ? [input] : [])));
  const errorOf = (value: Value): number => choices.get(value)?.heldOutError ?? 0;
  // A value that something else takes as integers too has no exact form to take a remainder from.
  const sorted = [...inputs].filter((value) => choices.has(value)).sort((a, b) => errorOf(b) - errorOf(a));
  if (sorted.length === 0) return new Set();
  const least = Math.max(outlierFactor * errorOf(sorted[sorted.length >> 1]), leastOutlier);
  const outliers = sorted.filter((value) => errorOf(value) > least);
  if (twoPass === 'outliers') return new Set(outliers);
  let left = sorted.reduce((sum, value) => sum + errorOf(value), 0);
  const most = left * shareLeft;
  const worst = sorted.findIndex((value) => {
    if (left <= most) return true;
    left -= errorOf(value);
    return false;
  });
  return new Set(worst < 0 ? sorted : sorted.slice(0, Math.max(worst, outliers.length)));
}

/** What rounding to `grid` leaves lies within half a step; one step on, as saturation would cost more than resolution. */
export function remainderGrid({ scale: [step] }: QuantizationParameters): QuantizationParameters {
  return {
    dataType: 'uint8',
    scale: Float32Array.of(step / 254),
    zeroPoint: Int32Array.of(128),
    minimum: 0,
    maximum: 255,
  };
}

/**
 * Adds the product of what rounding left to that of `node`, which takes the rounded `value` by now.
 * @param remainders by value: what other nodes made already.
 */
export function addSecondPass(
  node: Node,
  { inputIndex, weightIndex }: LinearOperator,
  value: Value,
  grid: QuantizationParameters,
  inserter: QdqInserter,
  remainders: Map<Value, Value>,
): void {
  const graph = node.graph!;
  const rounded = node.input(inputIndex)!;
  let remainder = remainders.get(value);
  if (!remainder) {
    const subtract = {
      opType: 'Sub',
      inputs: [value, rounded],
      outputs: [graph.scope.uniqueName(`${value.name}_left`)],
    };
    remainder = graph.insertAfter(rounded.producer!, subtract).output;
    remainders.set(value, remainder);
  }
  const { output } = node;
  const second = graph.insertAfter(node, {
    opType: node.opType,
    name: node.name && `${node.name}_second`,
    inputs: [remainder, node.input(weightIndex)],
    outputs: [graph.scope.uniqueName(`${output.name}_second`)],
    attributes: node.attributes.toObject(),
  });
  // Of a MatMul and an Add onnxruntime would make a float Gemm before it looks for integers.
  const sum = graph.insertAfter(second, {
    opType: 'Sum',
    inputs: [second.output, second.output],
    outputs: [graph.scope.uniqueName(`${output.name}_sum`)],
  });
  // And of a Gemm and a Sum as well.
  if (second.is('Gemm')) inserter.keepApart(second.output);
  output.replaceAllUsesWith(sum.output);
  sum.replaceInput(0, output);
  inserter.quantizeActivation(remainder, remainderGrid(grid), [second.useAt(0)!]);
}
