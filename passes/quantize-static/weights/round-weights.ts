// Weights of convolutions, rounded while activations are still float: first so that errors cancel out (GPTQ) and with their mean taken out
// of the bias, then ranges are chosen for the activations that come of it. Each step is kept where the error of the operator's output falls
// on samples that it was not fitted to.
import { type LinearOperator, readBias, readRows } from '../../../src/analysis/index.js';
import { judge, type Verdict } from '../../../src/calibration/index.js';
import type { MatrixProducts } from '../../../src/engine/index.js';
import type { Model } from '../../../src/ir/index.js';
import { matrixFrom } from '../../../src/numeric/index.js';
import type { PassContext } from '../../../src/pass/index.js';
import { type RowWeights, roundByGram, roundingErrors, roundToNearest } from '../../../src/quantization/index.js';
import type { Options } from '../options.js';
import { heldOutErrors, meanErrors, type RoundedRows } from './held-out-errors.js';
import { countPatches } from './patch-counts.js';
import { momentBytes, type PatchMoments, SeenPatches } from './patch-moments.js';

export interface RoundedConvolution {
  readonly operator: LinearOperator;
  readonly weights: RowWeights;
  readonly integers: Int8Array;
  /** The float bias, corrected, and as it was. */
  readonly bias: Float32Array;
  readonly originalBias: Float32Array;
  /** What was done to it, in words. */
  readonly techniques: readonly string[];
  /** Of what was tried: errors of its output relative to rounding to the nearest. */
  readonly verdicts: readonly Verdict[];
}

/** Of all moments in memory at once. */
const mostMomentBytes = 26 << 20;

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
    const counts = options.fisher ? await countPatches(model, batch, context) : null;
    const seen = batch.map((each) => new SeenPatches(each, options, counts?.get(each.output.name) ?? null, context));
    if (options.rounding === 'gptq' || options.biasCorrection) {
      await context.observe(batch.map((operator, index) => [operator.input, seen[index]] as const));
    }
    for (let next = seen.shift(); next; next = seen.shift())
      rounded.push(await roundConvolution(next, model, bounds, options, context.products));
  }
  return rounded;
}

/** Splits the operators so that what is observed fits into memory. */
function batches(operators: readonly LinearOperator[], options: Options): LinearOperator[][] {
  const result: LinearOperator[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const operator of operators) {
    const own = momentBytes(operator, options);
    if (bytes + own > mostMomentBytes) {
      result.push([]);
      bytes = 0;
    }
    bytes += own;
    result.at(-1)!.push(operator);
  }
  return result;
}

interface Candidate extends RoundedRows {
  readonly techniques: readonly string[];
}

async function roundConvolution(
  patches: SeenPatches,
  model: Model,
  bounds: RowWeights['bounds'],
  options: Options,
  products: MatrixProducts,
): Promise<RoundedConvolution> {
  const { operator } = patches;
  const weights = rowWeights(operator, bounds, options);
  const [fitted, held] = await patches.finish();
  const candidates = candidatesOf(weights, operator, fitted, options);
  const errors = await heldOutErrors(candidates, weights, operator, held, products);
  const { best, verdicts } = judge(
    candidates,
    errors.map((error) => error / (errors[0] || 1)),
  );
  const originalBias = readBias(operator, model)!;
  const bias = originalBias.slice();
  for (const [channel, correction] of best.correction?.entries() ?? []) bias[channel] += correction;
  return { operator, weights, integers: best.integers, bias, originalBias, techniques: best.techniques, verdicts };
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
  const byGram = fitted.covariances && roundByGroups(weights, fitted.covariances);
  if (byGram) candidates.push({ integers: byGram, correction: null, techniques: ['rounded by GPTQ'] });
  if (!biasCorrection) return candidates;
  const corrected = candidates.map(({ integers, techniques }) => ({
    integers,
    correction: meanErrors(roundingErrors(weights, integers), operator, fitted.means),
    techniques: [...techniques, 'bias corrected'],
  }));
  return [...candidates, ...corrected];
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
