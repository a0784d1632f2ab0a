// Divides channels of activations by factors and multiplies the weights that meet them, which changes nothing in float and leaves less to lose in
// eight bits. Factors follow from extremes; which of them are kept, and that any are, is decided on rows of samples that are held out.

import { type LinearOperator, linearOperator, readBias, readRows, storeRows } from '../analysis/index.js';
import { ExtremaObserver, isHeldOut, type Observer, operatorRows } from '../calibration/index.js';
import type { Model, Node, Value } from '../ir/index.js';
import { concatenate } from '../numeric/index.js';
import type { PassContext } from '../pass/index.js';
import { replaceConstant, replaceWeight } from '../rounding/index.js';
import { float32Tensor, type Tensor } from '../tensor/index.js';
import { canDivide, findScalePairs, type ScalePair } from './scale-pairs.js';
import { type ChannelExtrema, type SeenOperator, smoothedError } from './smoothing-error.js';

/** Factors to try, with a word for each; one a channel, of what the channels hold and of the weights that meet them. */
export type FactorRule = (
  activations: Float32Array,
  weights: Float32Array,
) => Iterable<readonly [name: string, factors: Float32Array]>;

/** Rows of each sample that errors are measured on, and all of them at most. */
const rowsOfSample = 16;
const mostRows = 512;
/** An error must fall by so much, or the model stays as it is. */
const leastGain = 0.02;

/** @param wanted which pairs are tried. @param rule the factors to try. */
export async function smoothChannels(
  model: Model,
  nodes: Iterable<Node>,
  wanted: (pair: ScalePair) => boolean,
  rule: FactorRule,
  context: PassContext,
): Promise<void> {
  const { record } = context;
  const { pairs: found, reasons } = findScalePairs(model, nodes);
  for (const [node, reason] of reasons) record.skipped(node, reason);
  const pairs = found.filter((pair) => wanted(pair) && canDivide(pair, model));
  for (const pair of found.filter((pair) => !pairs.includes(pair))) {
    for (const { node } of pair.consumers) record.skipped(node, `its input comes from ${pair.source.what}`);
  }
  if (pairs.length === 0) return;
  const seen = pairs.map((pair) => new SeenPair(pair, context));
  await context.observe(seen.flatMap((one) => one.wanted));
  let kept = 0;
  for (const one of seen) {
    const { consumers, source } = one.pair;
    const choice = await one.choose(model, rule, context);
    const percent = (100 * choice.error).toFixed(0);
    const verdict = { technique: choice.name, kept: choice.factors !== null, before: 1, after: choice.error };
    for (const { node } of consumers) record.tried(node, 'outputs of the operators, relative to that without', verdict);
    if (choice.factors === null) {
      for (const { node } of consumers) record.skipped(node, `no factors lower its error: the best leave ${percent} %`);
      continue;
    }
    kept++;
    divideSource(model, one.pair, choice.factors);
    for (const { node } of consumers) {
      const operator = current(node, model);
      const rows = scaleRows(readRows(operator), operator.rowLength, one.pair.channels, choice.factors);
      replaceWeight(model, operator, float32Tensor(operator.weight.tensor.shape, storeRows(operator, rows)));
      record.changed(
        operator.node,
        `channels of ${source.what} scaled (${choice.name}): ${percent} % of the squared error is left`,
      );
    }
  }
  record.metric('pairsScaled', kept);
}

/** As it is now: another pair may have scaled it. */
function current(node: Node, model: Model): LinearOperator {
  return linearOperator(node, model) as LinearOperator;
}

function scaleRows(rows: Float32Array, rowLength: number, channels: number, factors: Float32Array): Float32Array {
  const elements = rowLength / channels;
  return rows.map((weight, i) => weight * factors[Math.floor((i % rowLength) / elements)]);
}

function divideSource(model: Model, { source }: ScalePair, factors: Float32Array): void {
  const divide = (tensor: Tensor): Tensor =>
    float32Tensor(
      tensor.shape,
      tensor.readFloat32().map((value, channel) => value / factors[channel]),
    );
  if (source.kind === 'constants') {
    for (const { node, index } of source.constants) {
      const value = node.input(index)!;
      value.constant = divide(value.constant!);
    }
    return;
  }
  const operator = current(source.operator.node, model);
  const { rowLength, biasSlot, outputChannels } = operator;
  const rows = readRows(operator).map((weight, i) => weight / factors[Math.floor(i / rowLength)]);
  const bias = readBias(operator, model)!;
  replaceWeight(model, operator, float32Tensor(operator.weight.tensor.shape, storeRows(operator, rows)));
  if (!biasSlot?.node.input(biasSlot.index)) return;
  const tensor = float32Tensor(
    [outputChannels],
    bias.map((value, channel) => value / factors[channel]),
  );
  replaceConstant(model, biasSlot.node, biasSlot.index, tensor, `${operator.weight.value.name}_bias`);
}

interface FactorChoice {
  readonly name: string;
  /** null where nothing helps. */
  readonly factors: Float32Array | null;
  /** Squared error that is left, relative to no factors. */
  readonly error: number;
}

class SeenPair {
  readonly pair: ScalePair;
  readonly wanted: readonly (readonly [Value, Observer])[];
  /** Of every sample, as calibration sets ranges: a held-out value beyond the others' would be cut off with any factors, and hide what they gain. */
  private readonly extrema: ExtremaObserver;
  private readonly held: readonly HeldRows[];

  constructor(pair: ScalePair, { random }: PassContext) {
    this.pair = pair;
    this.extrema = new ExtremaObserver(pair.axis);
    this.held = pair.consumers.map(
      (operator) =>
        new HeldRows((tensor) => {
          const sampling = { most: rowsOfSample, random: random().fork(operator.output.name) };
          return [...operatorRows(operator, tensor, sampling)][0].rows;
        }),
    );
    this.wanted = [this.extrema, ...this.held].map((observer) => [pair.value, observer] as const);
  }

  async choose(model: Model, rule: FactorRule, { products }: PassContext): Promise<FactorChoice> {
    const { channels } = this.pair;
    const consumers = this.pair.consumers.map(({ node }) => current(node, model));
    const { least, greatest } = this.extrema;
    const operators = consumers.map((operator, index): SeenOperator => {
      const { outputChannels: rows, rowLength: columns } = operator;
      return {
        weights: readRows(operator),
        rows,
        columns,
        elements: columns / channels,
        inputs: this.held[index].join(),
      };
    });
    const extrema: ChannelExtrema = { least, greatest };
    const activations = least.map((low, channel) => Math.max(-low, greatest[channel], 0));
    const none = await smoothedError(operators, extrema, new Float32Array(channels).fill(1), products);
    let best: FactorChoice = { name: 'none', factors: null, error: Number.POSITIVE_INFINITY };
    for (const [name, factors] of rule(activations, largestWeights(operators, channels))) {
      if (!factors.every((factor) => factor > 0 && Number.isFinite(factor))) continue;
      const error = (await smoothedError(operators, extrema, factors, products)) / none;
      if (error < best.error) best = { name, factors, error };
    }
    return best.error < 1 - leastGain ? best : { ...best, factors: null };
  }
}

/** Largest magnitude of the weights that each channel meets. */
function largestWeights(operators: readonly SeenOperator[], channels: number): Float32Array {
  const largest = new Float32Array(channels);
  for (const { weights, columns, elements } of operators) {
    for (const [i, weight] of weights.entries()) {
      const channel = Math.floor((i % columns) / elements);
      largest[channel] = Math.max(largest[channel], Math.abs(weight));
    }
  }
  return largest;
}

/** Rows of the samples that are held out; of the first one until there is such. */
class HeldRows implements Observer {
  private readonly rowsOf: (tensor: Tensor) => Float32Array;
  private parts: Float32Array[] = [];
  private samples = 0;
  /** Whether one that is held out came. */
  private any = false;

  constructor(rowsOf: (tensor: Tensor) => Float32Array) {
    this.rowsOf = rowsOf;
  }

  observe(tensor: Tensor): void {
    const sample = this.samples++;
    if (sample > 0 && (!isHeldOut(sample) || this.parts.length * rowsOfSample >= mostRows)) return;
    // The first one stands in as long as there is none.
    if (isHeldOut(sample) && !this.any) this.parts = [];
    this.any ||= isHeldOut(sample);
    this.parts.push(this.rowsOf(tensor).slice());
  }

  join(): Float32Array {
    return concatenate(this.parts);
  }
}
