// Which share of the weights of each operator goes: the same of all, what one threshold gives, or less where outputs move more.
import { type LinearOperator, readRows } from '../../src/analysis/index.js';
import { usageError } from '../../src/errors.js';
import type { Model } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import { divergences, type Variant } from '../../src/pruning/index.js';
import { globalShares, magnitudes, maskOfShare, type Pattern, type RowNorm } from './magnitudes.js';
import type { Options } from './options.js';

/** Samples over which outputs are compared. */
const comparedSamples = 64;

export type Shares = ReadonlyMap<LinearOperator, number>;

/** For a total of `ratio`; of `pattern` its own share where there is one. */
export async function sharesOf(
  operators: readonly LinearOperator[],
  ratio: number,
  model: Model,
  options: Options,
  pattern: Pattern | null,
  context: PassContext,
): Promise<Shares> {
  if (pattern) return new Map(operators.map((operator) => [operator, 1 - pattern.stay / pattern.of]));
  const norm = rowNorm(options);
  const scoresOf = (operator: LinearOperator) => magnitudes(readRows(operator), operator.rowLength, norm);
  if (options.scope === 'sensitivity') {
    const factors = await sensitivities(operators, ratio, model, scoresOf, context);
    const scaled = operators.map((operator, at) => () => scoresOf(operator).map((score) => score * factors[at]));
    return sharesFrom(operators, globalShares(scaled, ratio));
  }
  const { scope } = options;
  const together = operators.filter(({ kind }) => scope === 'global' || (scope === 'auto' && kind !== 'matrix'));
  const found = globalShares(
    together.map((operator) => () => scoresOf(operator)),
    ratio,
  );
  return new Map(operators.map((operator) => [operator, found[together.indexOf(operator)] ?? ratio]));
}

/** What magnitudes are divided by. */
export function rowNorm({ normalize, importance }: Options): RowNorm {
  if (normalize === 'none') return 'none';
  return importance === 'l1' ? 'l1' : 'l2';
}

/** More than this of an operator never goes. */
const mostOfOne = 0.98;

function sharesFrom(operators: readonly LinearOperator[], found: readonly number[]): Shares {
  return new Map(operators.map((operator, at) => [operator, Math.min(found[at], mostOfOne)]));
}

/**
 * A factor for the scores of each operator, so that equal squares do equal damage: the root of how far the outputs move when the operator
 * alone loses `ratio` of its weights, by the squared scores that it lost.
 */
async function sensitivities(
  operators: readonly LinearOperator[],
  ratio: number,
  model: Model,
  scoresOf: (operator: LinearOperator) => Float32Array,
  context: PassContext,
): Promise<number[]> {
  if (!context.samples) {
    throw usageError('Sensitivities need real inputs of the model', 'Give data with --calibration-data.');
  }
  const lost: number[] = [];
  const variants = operators.map((operator): Variant => {
    const scores = scoresOf(operator);
    const mask = maskOfShare(scores, ratio);
    lost.push(scores.reduce((sum, score, at) => sum + (mask[at] ? 0 : score * score), 0));
    const rows = readRows(operator).map((value, at) => (mask[at] ? value : 0));
    return new Map([[operator, { rows, bias: null }]]);
  });
  const moved = await divergences(model, variants, context, comparedSamples);
  return moved.map((divergence, at) => Math.sqrt(Math.max(divergence, 1e-12) / Math.max(lost[at], 1e-30)));
}
