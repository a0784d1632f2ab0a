// Weights rounded operator by operator, in the order in which the model computes them: each is fitted to what the original computes, on inputs
// that the operators rounded before it now give. Of the ways to round, the plainest that does best on samples that none was fitted to is kept.
import { type LinearOperator, readBias, readRows, storeRows } from '../analysis/index.js';
import { type Judged, judge, Replay, type Verdict } from '../calibration/index.js';
import { cloneWithNodes, type Model, type Node } from '../ir/index.js';
import { type Matrix, matrixFrom, type Random } from '../numeric/index.js';
import type { PassContext } from '../pass/index.js';
import {
  clippedScales,
  fittingScales,
  learnRounding,
  meanError,
  type QuantizedRange,
  type RoundingRows,
  type RowWeights,
  roundByGram,
  roundToNearest,
} from '../quantization/index.js';
import { dropUnused } from '../rewrite/index.js';
import { float32Tensor, type Tensor } from '../tensor/index.js';
import { collectRows, type Replays, type RoundingData } from './rounding-data.js';

export interface RoundedOperator {
  readonly operator: LinearOperator;
  readonly weights: RowWeights;
  readonly integers: Int8Array;
  /** The float bias, corrected, and as it was. */
  readonly bias: Float32Array;
  readonly originalBias: Float32Array;
  /** What was done to it, in words. */
  readonly techniques: readonly string[];
  /** Of what was tried: errors of its output on the samples that were held out, relative to rounding to the nearest. */
  readonly verdicts: readonly Verdict[];
  /** Mean squared error of its output on the samples that were held out, relative to rounding to the nearest. */
  readonly errorLeft: number;
}

export interface RoundInOrderOptions {
  readonly bounds: QuantizedRange;
  /** Steps of AdaRound for each operator; 0 leaves it out. */
  readonly iterations: number;
  readonly biasCorrection: boolean;
  /** Whether scales may cut off the largest weights. */
  readonly clip: boolean;
  /** Operators that may stay as they are in the end: the others are fitted to what these compute without rounding. */
  readonly apart?: ReadonlySet<LinearOperator>;
}

/** Of what the errors in verdicts are. */
export const roundingMeasure = 'the output of the operator, relative to rounding to the nearest';

/** With fewer samples, what is learned holds for these alone. */
const leastSamples = 16;
/** Rows of one step of AdaRound. */
const batchRows = 512;
/** Longer rows are not rounded by GPTQ: factoring their moments would take seconds. */
const mostColumns = 1536;

/**
 * Rounds the operators, which the model then computes with, in float.
 * @param operators in graph order, with biases of one value a channel.
 */
export async function roundInOrder(
  model: Model,
  operators: readonly LinearOperator[],
  options: RoundInOrderOptions,
  context: PassContext,
): Promise<RoundedOperator[]> {
  const replays = await startReplays(model, context);
  const iterations = replays.now.samples < leastSamples ? 0 : options.iterations;
  const rounded: RoundedOperator[] = [];
  const take = (result: RoundedOperator): void =>
    replaceWeights(model, result.operator, restoredTensor(result), result.bias);
  for (const [index, operator] of operators.entries()) {
    const random = context.random().fork(operator.output.name);
    const data = await collectRows(operator, replays, random);
    const result = await roundOperator(
      operator,
      readBias(operator, model)!,
      data,
      { ...options, iterations },
      random,
      context,
    );
    if (!options.apart?.has(operator)) take(result);
    rounded.push(result);
    context.progress(index + 1, operators.length);
  }
  for (const result of rounded) if (options.apart?.has(result.operator)) take(result);
  return rounded;
}

async function startReplays(model: Model, context: PassContext): Promise<Replays> {
  const { clone: copy, copyOf } = cloneWithNodes(model);
  const { engine, workers, signal, samples } = context;
  const options = { engine, threads: workers.jobs, signal, maxMemory: context.maxMemory };
  return {
    now: await Replay.start(model, samples!, options),
    original: await Replay.start(copy, samples!, options),
    nodeInOriginal: copyOf,
  };
}

/** What the integers stand for. */
export function restoredTensor({
  operator,
  weights,
  integers,
}: Pick<RoundedOperator, 'operator' | 'weights' | 'integers'>): Tensor {
  const { values, columns, scale } = weights;
  const restored = values.map((_, index) => integers[index] * scale[Math.floor(index / columns)]);
  return float32Tensor(operator.weight.tensor.shape, storeRows(operator, restored));
}

/** Lets `operator`, whose weight is its own, take another weight; `tensor` in the shape of the stored one. */
export function replaceWeight(model: Model, { node, weight, weightIndex }: LinearOperator, tensor: Tensor): void {
  const [consumer, index] = weight.path.length > 0 ? [weight.path.at(-1)!, 0] : [node, weightIndex];
  replaceConstant(model, consumer, index, tensor, weight.value.name);
}

/** Lets `node` take another constant: under the same name where nothing else uses the one that it takes. */
export function replaceConstant(model: Model, node: Node, index: number, tensor: Tensor, name: string): void {
  const before = node.input(index);
  if (
    before &&
    before.uses.size === 1 &&
    !before.isGraphOutput &&
    model.graph.initializers.has(before) &&
    model.constantOf(before)
  ) {
    before.constant = tensor;
    return;
  }
  const value = model.graph.addInitializer(name, tensor);
  if (index < node.inputs.length) node.replaceInput(index, value);
  else node.addInput(value);
  dropUnused(model, model.graph, [before]);
}

/** `replaceWeight`, and another bias. */
export function replaceWeights(model: Model, operator: LinearOperator, tensor: Tensor, bias: Float32Array): void {
  const { weight, biasSlot } = operator;
  replaceWeight(model, operator, tensor);
  if (biasSlot && (biasSlot.node.input(biasSlot.index) || bias.some((value) => value !== 0))) {
    const tensor = float32Tensor([bias.length], bias);
    replaceConstant(model, biasSlot.node, biasSlot.index, tensor, `${weight.value.name}_bias`);
  }
}

interface Candidate {
  readonly weights: RowWeights;
  readonly integers: Int8Array;
  readonly bias: Float32Array;
  readonly techniques: readonly string[];
}

async function roundOperator(
  operator: LinearOperator,
  originalBias: Float32Array,
  { fitted, held, rectified }: RoundingData,
  options: RoundInOrderOptions,
  random: Random,
  context: PassContext,
): Promise<RoundedOperator> {
  const { groups, outputChannels, rowLength } = operator;
  const values = readRows(operator);
  const channels = outputChannels / groups;
  const parts: Judged<Candidate>[] = [];
  let nearest = 0;
  for (let group = 0; group < groups; group++) {
    const own = values.subarray(group * channels * rowLength, (group + 1) * channels * rowLength);
    const bias = originalBias.slice(group * channels, (group + 1) * channels);
    const block = { values: own, rows: channels, columns: rowLength, bounds: options.bounds };
    const heldOutError = ({ weights, integers, bias: corrected }: Candidate): Promise<number> =>
      meanError(weights, integers, corrected, held[group], rectified, context.products);
    const fitting = { rows: fitted[group], rectified, random, heldOutError };
    const candidates = await candidatesOf(block, bias, fitting, options, context);
    const errors: number[] = [];
    for (const candidate of candidates) errors.push(await heldOutError(candidate));
    parts.push(judge(candidates, errors));
    nearest += errors[0];
  }
  const left = parts.reduce((sum, { error }) => sum + error, 0);
  const join = (pick: (candidate: Candidate) => Float32Array): Float32Array =>
    Float32Array.from(parts.flatMap(({ best }) => [...pick(best)]));
  return {
    operator,
    weights: {
      values,
      rows: outputChannels,
      columns: rowLength,
      bounds: options.bounds,
      scale: join(({ weights }) => weights.scale),
    },
    integers: Int8Array.from(parts.flatMap(({ best }) => [...best.integers])),
    bias: join(({ bias }) => bias),
    originalBias,
    techniques: [...new Set(parts.flatMap(({ best }) => best.techniques))],
    verdicts: joinVerdicts(parts, nearest),
    errorLeft: nearest > 0 ? left / nearest : 1,
  };
}

/** Of all groups together. @param unit what errors are divided by. */
function joinVerdicts(parts: readonly Judged<Candidate>[], unit: number): Verdict[] {
  const joined = new Map<string, { kept: boolean; before: number; after: number }>();
  for (const { technique, kept, before, after } of parts.flatMap(({ verdicts }) => verdicts)) {
    const sum = joined.get(technique) ?? { kept: false, before: 0, after: 0 };
    joined.set(technique, sum);
    sum.kept ||= kept;
    sum.before += before / (unit || 1);
    sum.after += after / (unit || 1);
  }
  return [...joined].map(([technique, sum]) => ({ technique, ...sum }));
}

interface Fitting {
  readonly rows: RoundingRows;
  readonly rectified: boolean;
  readonly random: Random;
  heldOutError(candidate: Candidate): Promise<number>;
}

/** From the plainest on: of equal ones the first is taken. */
async function candidatesOf(
  block: Omit<RowWeights, 'scale'>,
  bias: Float32Array,
  { rows, rectified, random, heldOutError }: Fitting,
  { iterations, biasCorrection, clip }: RoundInOrderOptions,
  { products }: PassContext,
): Promise<Candidate[]> {
  const { columns, rows: channels } = block;
  const fitting = { ...block, scale: fittingScales(block) };
  const candidates: Candidate[] = [{ weights: fitting, integers: roundToNearest(fitting), bias, techniques: [] }];
  if (rows.count === 0) return candidates;
  const moments = await momentsOf(rows, columns, channels, products);
  const add = (weights: RowWeights, integers: Int8Array, techniques: readonly string[]): Candidate => {
    const candidate = biasCorrection
      ? {
          ...{ weights, integers, bias: correctedBias(weights, integers, moments) },
          techniques: [...techniques, 'bias corrected'],
        }
      : { weights, integers, bias, techniques };
    candidates.push(candidate);
    return candidate;
  };
  const addByGram = (weights: RowWeights, words: readonly string[]): Candidate | null => {
    const integers = columns <= mostColumns ? roundByGram(weights, moments.covariance) : null;
    return integers && add(weights, integers, [...words, 'rounded by GPTQ']);
  };
  if (biasCorrection) add(fitting, candidates[0].integers, []);
  const plain = addByGram(fitting, []);
  let best = { weights: fitting, words: [] as readonly string[] };
  if (clip) {
    const clipped = { ...block, scale: clippedScales(block, moments.covariance) };
    const words = ['weights clipped'];
    const nearest = add(clipped, roundToNearest(clipped), words);
    const byGram = addByGram(clipped, words);
    const [before, after] = [plain ?? candidates[1] ?? candidates[0], byGram ?? nearest];
    if ((await heldOutError(after)) < (await heldOutError(before))) best = { weights: clipped, words };
  }
  if (iterations > 0) {
    const problem = { weights: best.weights, bias, rows, rectified };
    const learned = await learnRounding(problem, products, { iterations, batch: batchRows, random });
    add(best.weights, learned, [...best.words, 'rounded by AdaRound']);
  }
  return candidates;
}

interface Moments {
  /** Of the inputs, and of what is left of the targets without the offsets. */
  readonly input: Float64Array;
  readonly target: Float64Array;
  readonly covariance: Matrix;
}

async function momentsOf(
  { inputs, targets, offsets, count }: RoundingRows,
  columns: number,
  channels: number,
  products: PassContext['products'],
): Promise<Moments> {
  const input = meansOf(inputs, columns, count);
  const target = meansOf(targets, channels, count);
  if (offsets) {
    const means = meansOf(offsets, channels, count);
    for (let channel = 0; channel < channels; channel++) target[channel] -= means[channel];
  }
  const gram = await products.gram(inputs, columns);
  const covariance = new Float64Array(columns * columns);
  for (let i = 0, at = 0; i < columns; i++) {
    for (let j = 0; j < columns; j++, at++) covariance[at] = gram[at] / count - input[i] * input[j];
  }
  return { input, target, covariance: matrixFrom(columns, columns, covariance) };
}

function meansOf(values: Float32Array, columns: number, count: number): Float64Array {
  const sums = new Float64Array(columns);
  for (let i = 0, column = 0; i < values.length; i++) {
    sums[column] += values[i];
    if (++column === columns) column = 0;
  }
  return sums.map((sum) => sum / count);
}

/** With which the mean of the output is that of the target. */
function correctedBias({ rows, columns, scale }: RowWeights, integers: Int8Array, moments: Moments): Float32Array {
  return Float32Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let i = 0; i < columns; i++) sum += integers[row * columns + i] * moments.input[i];
    return moments.target[row] - sum * scale[row];
  });
}
