// Weights of convolutions, rounded while activations are still float: first so that errors cancel out (GPTQ) and with their mean taken out
// of the bias, then ranges are chosen for the activations that come of it. Each step is kept where the error of the operator's output falls
// on samples that it was not fitted to.
import { type LinearOperator, readBias, readRows } from '../../src/analysis/index.js';
import { GramObserver, type Observer, type SecondMoments } from '../../src/calibration/index.js';
import type { Model } from '../../src/ir/index.js';
import { matrixFrom, type Random } from '../../src/numeric/index.js';
import type { PassContext } from '../../src/pass/index.js';
import { type RowWeights, roundByGram, roundingErrors, roundToNearest } from '../../src/quantization/index.js';
import type { Tensor } from '../../src/tensor/index.js';
import { GroupMoments } from './group-moments.js';
import type { Options } from './options.js';

export interface RoundedConvolution {
  readonly operator: LinearOperator;
  readonly weights: RowWeights;
  readonly integers: Int8Array;
  /** The float bias, corrected, and as it was. */
  readonly bias: Float32Array;
  readonly originalBias: Float32Array;
  /** What was done to it, in words. */
  readonly techniques: readonly string[];
}

/** Patches of each sample that the moments are taken of. */
const mostPatches = 96;
/** Longer rows are rounded to the nearest: factoring their moments would take seconds. */
const mostColumns = 1536;
/** Of all moments in memory at once. */
const mostMomentBytes = 128 << 20;
/** Every sample of this number is held out. */
const heldOutEvery = 4;

/** Convolutions whose inputs were seen; the sample means of the others would tell nothing. */
export async function roundConvolutions(
  model: Model,
  operators: readonly LinearOperator[],
  bounds: RowWeights['bounds'],
  options: Options,
  context: PassContext,
): Promise<RoundedConvolution[]> {
  const rounded: RoundedConvolution[] = [];
  for (const batch of batches(operators, options)) {
    const seen = batch.map((operator) => new SeenPatches(operator, options, context));
    if (options.rounding === 'gptq' || options.biasCorrection) {
      await context.observe(batch.map((operator, index) => [operator.input, seen[index]] as const));
    }
    for (const patches of seen) rounded.push(await roundConvolution(patches, model, bounds, options));
  }
  return rounded;
}

/** Splits the operators so that what is observed fits into memory. */
function batches(operators: readonly LinearOperator[], options: Options): LinearOperator[][] {
  const result: LinearOperator[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const operator of operators) {
    const own = wantsGram(operator, options) ? 16 * operator.rowLength ** 2 : 0;
    if (bytes + own > mostMomentBytes) {
      result.push([]);
      bytes = 0;
    }
    bytes += own;
    result.at(-1)!.push(operator);
  }
  return result;
}

function wantsGram({ groups, rowLength }: LinearOperator, { rounding }: Options): boolean {
  return rounding === 'gptq' && groups === 1 && rowLength <= mostColumns;
}

/** Moments of the patches under the kernel: of most samples, to fit to, and of the others. */
class SeenPatches implements Observer {
  readonly operator: LinearOperator;
  private readonly observers: readonly (GramObserver | GroupMoments)[];
  private samples = 0;

  constructor(operator: LinearOperator, options: Options, { products, random }: PassContext) {
    this.operator = operator;
    const observer = (part: string): GramObserver | GroupMoments => {
      const sampling = { most: mostPatches, random: random().fork(`${part} ${operator.output.name}`) as Random };
      return wantsGram(operator, options)
        ? new GramObserver(operator, products, sampling)
        : new GroupMoments(operator, sampling, operator.groups > 1 && options.rounding === 'gptq');
    };
    this.observers = [observer('fitted'), observer('held out')];
  }

  async observe(tensor: Tensor): Promise<void> {
    const held = this.samples++ % heldOutEvery === heldOutEvery - 1;
    await this.observers[held ? 1 : 0].observe(tensor);
  }

  async finish(): Promise<readonly PatchMoments[]> {
    for (const observer of this.observers) await observer.finish();
    const [fitted, held] = this.observers.map(momentsOf);
    return [fitted, held.count === 0 ? fitted : held];
  }
}

interface PatchMoments {
  readonly count: number;
  /** Means of the patches by group. */
  readonly means: readonly Float64Array[];
  /** Covariances of the patches by group; null where they were not taken. */
  readonly covariances: readonly Float64Array[] | null;
}

function momentsOf(observer: GramObserver | GroupMoments): PatchMoments {
  if (observer instanceof GroupMoments) return observer;
  const [moments] = observer.moments;
  const { count } = moments;
  const means = moments.sum.map((sum) => sum / count);
  return { count, means: [means], covariances: [covarianceOf(moments, means)] };
}

function covarianceOf({ gram, count, columns }: SecondMoments, means: Float64Array): Float64Array {
  const covariance = new Float64Array(gram.length);
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < columns; j++) {
      const at = i * columns + j;
      covariance[at] = gram[at] / count - means[i] * means[j];
    }
  }
  return covariance;
}

interface Candidate {
  readonly integers: Int8Array;
  readonly correction: Float64Array | null;
  readonly techniques: readonly string[];
}

async function roundConvolution(
  patches: SeenPatches,
  model: Model,
  bounds: RowWeights['bounds'],
  options: Options,
): Promise<RoundedConvolution> {
  const { operator } = patches;
  const weights = rowWeights(operator, bounds, options);
  const [fitted, held] = await patches.finish();
  const candidates = candidatesOf(weights, operator, fitted, options);
  const errors = candidates.map((candidate) => heldOutError(weights, candidate, operator, held));
  const best = candidates[errors.indexOf(Math.min(...errors))] ?? candidates[0];
  const originalBias = readBias(operator, model)!;
  const bias = originalBias.slice();
  for (const [channel, correction] of best.correction?.entries() ?? []) bias[channel] += correction;
  return { operator, weights, integers: best.integers, bias, originalBias, techniques: best.techniques };
}

export function rowWeights(
  operator: LinearOperator,
  bounds: RowWeights['bounds'],
  { granularity }: Options,
): RowWeights {
  const values = readRows(operator);
  const { outputChannels: rows, rowLength: columns } = operator;
  const largest = new Float64Array(rows);
  for (const [index, value] of values.entries()) {
    const row = Math.floor(index / columns);
    largest[row] = Math.max(largest[row], Math.abs(value));
  }
  if (granularity === 'tensor') largest.fill(largest.reduce((a, b) => Math.max(a, b), 0));
  const scale = Float32Array.from(largest, (value) => value / bounds.maximum || 1);
  return { values, rows, columns, scale, bounds };
}

/** From the plainest on: of equal ones the first is taken. */
function candidatesOf(
  weights: RowWeights,
  operator: LinearOperator,
  fitted: PatchMoments,
  { biasCorrection }: Options,
): Candidate[] {
  const nearest = roundToNearest(weights);
  const candidates: Candidate[] = [{ integers: nearest, correction: null, techniques: [] }];
  if (fitted.count === 0) return candidates;
  const add = (integers: Int8Array, techniques: readonly string[]): void => {
    if (!biasCorrection) candidates.push({ integers, correction: null, techniques });
    else {
      const correction = meanErrors(roundingErrors(weights, integers), operator, fitted.means);
      candidates.push({ integers, correction, techniques: [...techniques, 'bias corrected'] });
    }
  };
  if (biasCorrection) add(nearest, []);
  const byGram = fitted.covariances && roundByGroups(weights, fitted.covariances);
  if (byGram) add(byGram, ['rounded by GPTQ']);
  return candidates;
}

/** By GPTQ, the rows of each group on the covariance of what they meet; to the nearest where that is zero. Null where it is for all. */
function roundByGroups(weights: RowWeights, covariances: readonly Float64Array[]): Int8Array | null {
  const { values, scale, columns } = weights;
  const rows = weights.rows / covariances.length;
  const integers = new Int8Array(values.length);
  let rounded = false;
  for (const [group, covariance] of covariances.entries()) {
    const first = group * rows;
    const own = {
      ...weights,
      rows,
      values: values.subarray(first * columns, (first + rows) * columns),
      scale: scale.subarray(first, first + rows),
    };
    const byGram = roundByGram(own, matrixFrom(columns, columns, covariance));
    if (byGram) rounded = true;
    integers.set(byGram ?? roundToNearest(own), first * columns);
  }
  return rounded ? integers : null;
}

/** Mean error of each output channel: its row of errors times the mean patch. */
function meanErrors(errors: Float64Array, operator: LinearOperator, means: readonly Float64Array[]): Float64Array {
  const { outputChannels, rowLength, groups } = operator;
  return Float64Array.from({ length: outputChannels }, (_, channel) => {
    const mean = means[Math.floor((channel * groups) / outputChannels)];
    let sum = 0;
    for (let i = 0; i < rowLength; i++) sum += errors[channel * rowLength + i] * mean[i];
    return sum;
  });
}

/** Mean squared error of the output on the held-out samples, over all channels; of its mean alone where covariances are not known. */
function heldOutError(
  weights: RowWeights,
  { integers, correction }: Candidate,
  operator: LinearOperator,
  held: PatchMoments,
): number {
  if (held.count === 0) return 0;
  const errors = roundingErrors(weights, integers);
  const left = meanErrors(errors, operator, held.means);
  for (const [channel, corrected] of correction?.entries() ?? []) left[channel] -= corrected;
  let sum = left.reduce((total, error) => total + error * error, 0);
  if (!held.covariances) return sum;
  const { rows, columns } = weights;
  for (let row = 0; row < rows; row++) {
    const covariance = held.covariances[Math.floor((row * operator.groups) / rows)];
    for (let i = 0; i < columns; i++) {
      let product = 0;
      for (let j = 0; j < columns; j++) product += covariance[i * columns + j] * errors[row * columns + j];
      sum += product * errors[row * columns + i];
    }
  }
  return sum;
}
