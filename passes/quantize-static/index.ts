// Static quantization: weights and activations become eight-bit integers with ranges that are fixed beforehand, from real samples.
// Two phases (static-int8 as Nagel et al. 2021 describe it, "A White Paper on Neural Network Quantization"): weights are rounded and biases
// corrected while activations are float; then ranges are chosen for the activations that come of it.
import type { LinearOperator } from '../../src/analysis/index.js';
import { optimizeModel } from '../../src/engine/index.js';
import { usageError } from '../../src/errors.js';
import type { Model, Node, TensorType, Value } from '../../src/ir/index.js';
import { raiseOpset, whyNotRaised } from '../../src/ops/index.js';
import { definePass, nodeLabel, type PassContext } from '../../src/pass/index.js';
import {
  conversionCount,
  fuseIntoQOperators,
  highestOpset,
  layoutOf,
  packedOpset,
  type QuantizedRange,
  scanWeight,
  unfusedNodes,
  type ValueRanges,
} from '../../src/quantization/index.js';
import { replaceWeights, restoredTensor, roundInOrder, roundingMeasure } from '../../src/rounding/index.js';
import { keepChannelsLast } from './emit/channels-last.js';
import { emit } from './emit/emit.js';
import { type Options, options, settle } from './options.js';
import { elementwiseOperators } from './plan/operators.js';
import { type PlannedLinear, quantizedValues, type StaticPlan, wouldGrow } from './plan/plan.js';
import { planElementwise } from './plan/plan-elementwise.js';
import { isLast, planLinears } from './plan/plan-linears.js';
import { raiseHalf } from './plan/raise-half.js';
import { withoutThin } from './plan/thin-network.js';
import { wholeOperators } from './plan/whole-activation.js';
import { type ChosenRanges, chooseRanges } from './ranges/choose-ranges.js';
import { settleSamples } from './ranges/settle-samples.js';
import { gridsOf, tryPlan } from './trial/try-plan.js';
import { keptRounding } from './weights/kept-rounding.js';
import { type PackedMatrix, packMatrices } from './weights/pack-matrices.js';
import { type RoundedConvolution, roundConvolutions } from './weights/round-weights.js';
import { roundedBefore, TakenWeights } from './weights/take-rounded.js';

export const quantizeStatic = definePass({
  name: 'quantize-static',
  kind: 'quantize',
  summary: 'Computes convolutions and matrix products with 8-bit integers, in ranges calibrated on samples.',
  options,
  needs: ['samples', 'inference'],
  requires(_model, { bits, weightType, format, activationType, biasType }) {
    if (format === 'qoperator') checkQOperator(activationType, weightType, biasType);
    if (bits !== undefined && weightType !== undefined && (bits === 4) !== (weightType === 'int4'))
      throw usageError(`${weightType} weights do not have ${bits} bits`, 'Give one of bits and weightType.');
  },
  async run(model, given, context) {
    const options = settle(given);
    recordIntegerOperators(context);
    const nodes = [...context.targets(...options.operators)];
    let types = await ranksOf(model, context);
    if (raiseHalf(model, nodes, options, types, context)) types = await ranksOf(model, context);
    const taken = TakenWeights.take(model, model.graph.nodes());
    const elementwise = [...context.targets(...elementwiseOperators)];
    const planOf = (some: readonly PlannedLinear[], residual: Options['residual']): StaticPlan => ({
      linears: some,
      elementwise: planElementwise(model, some, { ...options, residual }, elementwise, context.target),
    });
    const candidates = planLinears(model, nodes, options, types, context);
    const { finite, weightRanges } = await withFiniteWeights(candidates, options, context);
    const linears = withoutThin(model, finite, planOf, options, context);
    const settled = new Set(linears.map(({ operator }) => operator.node));
    const inner = linears.filter(({ edge }) => edge === null);
    if (inner.length === 0) {
      taken.settle(model, new Set());
      for (const { operator, edge } of linears) context.record.skipped(operator.node, edge!.reason);
      return;
    }
    const complete = planOf(linears, options.judged.has('residual') ? 'integer' : options.residual);
    if (options.minimumSize > 1 && wouldGrow(planOf(inner, options.residual))) {
      taken.settle(model, new Set());
      for (const { operator } of linears) context.record.skipped(operator.node, 'the model would not become smaller');
      return;
    }
    const isRaised = raiseToIntegers(model, linears, options, context);
    taken.settle(model, isRaised ? settled : new Set());
    if (!isRaised) return;
    if (context.samplesAuto) await settleSamples(new Set(quantizedValues(complete).values()), context);
    const own = linears.filter(({ operator }) => !taken.byNode.has(operator.node));
    const rounded = await roundWeights(model, own, options, context);
    for (const linear of linears) {
      const weight = taken.byNode.get(linear.operator.node);
      if (weight) rounded.set(linear, roundedBefore(linear.operator, weight, model));
    }
    const packed = options.weightType === 'int4' ? await packMatrices(own.filter(isPackable), context) : new Map();
    const byNode = new Map<Node, LinearOperator>(linears.map(({ operator }) => [operator.node, operator]));
    const roots = new Set(quantizedValues(complete).values());
    const chosen = await chooseRanges(roots, byNode, options, context);
    // What takes over the range of another value has it by itself too: it may be the first to be quantized in a smaller plan.
    const ranges = { ...chosen, grids: new Map([...gridsOf(complete, chosen.grids), ...chosen.grids]) };
    const trying = { options, planOf, rounded, packed, context };
    const { plan, grids, twoPass } = await tryPlan(model, complete, ranges, trying);
    recordTrials(plan, rounded, packed, ranges.choices, context);
    emit(model, { plan, grids, twoPass, rounded, packed, weightRanges, options, target: context.target });
    if (options.format === 'qoperator')
      context.record.metric(
        'integerOperators',
        fuseIntoQOperators(model, { onnxOnly: context.target.runtime === 'generic' }),
      );
    if (context.target.runtime !== 'generic') {
      const saved = await keepChannelsLast(model);
      if (saved > 0) context.record.metric('transposesSaved', saved);
    }
    recordChanges(plan, rounded, packed, { ...ranges, twoPass }, context);
    await reportUnfused(model, context);
  },
});

/** Operators on integers know eight bits, and unsigned weights with unsigned activations only. */
function checkQOperator(activationType: string, weightType: string | undefined, biasType: string): void {
  const what = activationType.endsWith('16')
    ? `${activationType} activations`
    : activationType === 'int8' && weightType === 'uint8'
      ? 'int8 activations with uint8 weights'
      : biasType === 'float32'
        ? 'float32 biases'
        : null;
  if (what) throw usageError(`No operators on integers take ${what}`, 'Leave out --format qoperator: pairs take them.');
}

/** Operators on integers, which quantization made before. */
const integerOperators = [
  'QLinearConv',
  'QLinearMatMul',
  'ConvInteger',
  'MatMulInteger',
  ...['QGemm', 'QAttention', 'MatMulNBits', 'MatMulIntegerToFloat', 'DynamicQuantizeMatMul', 'DynamicQuantizeLSTM'].map(
    (opType) => `com.microsoft::${opType}`,
  ),
];

function recordIntegerOperators({ targets, record }: PassContext): void {
  for (const node of targets(...integerOperators)) record.skipped(node, 'already quantized');
}

/** QLinearConv came with opset 10, and what onnxruntime computes biases with with 11. */
const integerOpset = 11;

/** Where ONNX's own pairs know scales per channel, and 16 bits: generic runtimes do not know those of com.microsoft. */
function onnxOpsets(activationType: string): readonly [number, number] {
  return activationType.endsWith('16') ? [21, 21] : [13, 13];
}

/** Whether the model can hold integer kernels; it is raised where it must be. */
function raiseToIntegers(
  model: Model,
  linears: readonly PlannedLinear[],
  { weightType, activationType }: Options,
  { record, target }: PassContext,
): boolean {
  const [wanted, least] =
    weightType === 'int4'
      ? [packedOpset, packedOpset]
      : target.runtime === 'generic'
        ? onnxOpsets(activationType)
        : [integerOpset, integerOpset - 1];
  if (model.opset >= wanted) return true;
  const obstacle =
    wanted > highestOpset(target) ? `the runtime does not read opset ${wanted}` : whyNotRaised(model, wanted);
  if (obstacle === null) raiseOpset(model, wanted);
  else if (model.opset < least) for (const { operator } of linears) record.skipped(operator.node, obstacle);
  return model.opset >= least;
}

/** A matrix product whose weight may have four bits; what makes the scores keeps eight. */
function isPackable({ operator: { kind, output } }: PlannedLinear): boolean {
  return kind === 'matrix' && !isLast(output);
}

/** What the engine knows of the values, where it matters: whether a MatMul multiplies two matrices. */
async function ranksOf(model: Model, { engine }: PassContext): Promise<ReadonlyMap<Value, TensorType>> {
  const needed = [...model.graph.nodes()].some((node) => node.is('MatMul'));
  return needed ? engine.inferTypes(model) : new Map();
}

/** Leaves out weights that hold NaN or infinities; ranges of the others by output channel. */
async function withFiniteWeights(
  candidates: readonly PlannedLinear[],
  { granularity: kind }: Options,
  { workers, signal, record }: PassContext,
) {
  const finite: PlannedLinear[] = [];
  const weightRanges = new Map<PlannedLinear, ValueRanges>();
  for (const linear of candidates) {
    const { node, weight } = linear.operator;
    const axis = node.is('Conv') || node.attributes.int('transB', 0) !== 0 ? 0 : 1;
    const layout = layoutOf(weight.tensor.shape, kind === 'channel' ? { kind, axis } : { kind });
    const ranges = await scanWeight(weight.tensor, layout, workers, signal);
    if (ranges.nonFiniteCount > 0) {
      record.skipped(node, `element ${ranges.firstNonFinite} of its weight is not a finite number`);
      continue;
    }
    finite.push(linear);
    weightRanges.set(linear, ranges);
  }
  return { finite, weightRanges };
}

/** Integers of the weights of convolutions; two within ±64 and an activation of 255 give a sum of less than 2^15. */
function boundsOf({ weightType, reduceRange }: Options): QuantizedRange {
  if (weightType === 'int4') return { minimum: -8, maximum: 7 };
  const maximum = reduceRange === 'on' && weightType === 'int8' ? 64 : 127;
  return { minimum: -maximum, maximum };
}

/** Rounds the weights of convolutions, and lets the model compute with them, in float. */
async function roundWeights(
  model: Model,
  linears: readonly PlannedLinear[],
  options: Options,
  context: PassContext,
): Promise<Map<PlannedLinear, RoundedConvolution>> {
  const convolutions = linears.filter(({ operator }) => operator.kind === 'conv');
  const bounds = boundsOf(options);
  const operators = convolutions.map(({ operator }) => operator);
  const { rounding, iterations, biasCorrection } = options;
  if (operators.length > 0 && rounding !== 'nearest' && (rounding === 'adaround' || options.weightType === 'int4')) {
    const steps = rounding === 'adaround' ? iterations : 0;
    const apart = new Set(convolutions.filter(({ edge }) => edge !== null).map(({ operator }) => operator));
    const settings = { bounds, iterations: steps, biasCorrection, clip: options.weightType === 'int4', apart };
    const inOrder = await roundInOrder(model, operators, settings, context);
    return new Map(convolutions.map((linear, index) => [linear, inOrder[index]]));
  }
  const rounded = await keptRounding(model, operators, bounds, options, context, () =>
    roundConvolutions(model, operators, bounds, options, context),
  );
  for (const result of rounded) replaceWeights(model, result.operator, restoredTensor(result), result.bias);
  return new Map(convolutions.map((linear, index) => [linear, rounded[index]]));
}

/** What was tried on single operators and values of the plan. */
function recordTrials(
  plan: StaticPlan,
  rounded: ReadonlyMap<PlannedLinear, RoundedConvolution>,
  packed: ReadonlyMap<PlannedLinear, PackedMatrix>,
  choices: ChosenRanges['choices'],
  { record }: PassContext,
): void {
  for (const linear of plan.linears)
    for (const verdict of (rounded.get(linear) ?? packed.get(linear))?.verdicts ?? [])
      record.tried(linear.operator.node, roundingMeasure, verdict);
  for (const value of new Set(quantizedValues(plan).values()))
    for (const verdict of choices.get(value)?.verdicts ?? [])
      record.tried(value.name, 'the values, by their squares', verdict);
}

function recordChanges(
  { linears, elementwise }: StaticPlan,
  rounded: ReadonlyMap<PlannedLinear, RoundedConvolution>,
  packed: ReadonlyMap<PlannedLinear, PackedMatrix>,
  { choices, twoPass, samples }: ChosenRanges,
  { record, kept }: PassContext,
): void {
  for (const linear of linears) {
    const { node, input } = linear.operator;
    const techniques = rounded.get(linear)?.techniques ?? packed.get(linear)?.techniques ?? [];
    const method = choices.get(input)?.method;
    const words = [...techniques, ...(method ? [`input range by ${method}`] : [])];
    if (twoPass.has(input)) words.push('in two passes');
    record.changed(node, `integer ${node.opType}${words.length > 0 ? `: ${words.join(', ')}` : ''}`);
  }
  for (const { node } of elementwise) record.changed(node, 'integers in, integers out');
  record.metric('calibrationSamples', samples);
  if (kept) {
    record.metric('cacheHits', kept.cache.hits);
    record.metric('cacheMisses', kept.cache.misses);
  }
  for (const method of new Set([...choices.values()].map((choice) => choice.method))) {
    record.metric(`rangesBy.${method}`, [...choices.values()].filter((choice) => choice.method === method).length);
  }
}

/** Says which nodes onnxruntime computes in float although both sides are integers. */
async function reportUnfused(model: Model, { record }: PassContext): Promise<void> {
  const optimized = await optimizeModel(model);
  const unfused = unfusedNodes(optimized).filter((node) => !wholeOperators.includes(node.qualifiedType));
  record.metric('conversions', conversionCount(optimized));
  record.metric('unfusedNodes', unfused.length);
  if (unfused.length === 0) return;
  const named = unfused.slice(0, mostNamed).map((node) => `${node.opType} ${nodeLabel(node)}`);
  const more = unfused.length > mostNamed ? ` and ${unfused.length - mostNamed} more` : '';
  record.warn(
    `onnxruntime has no integer kernel for ${unfused.length} nodes between integers, and converts around them: ${named.join(', ')}${more}`,
  );
}

const mostNamed = 8;
