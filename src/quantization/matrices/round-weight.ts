// The weight of one matrix product rounded with data, as a task of a worker thread: the target moved to what inputs as they are now ask for, the
// algorithm chosen, the integers found.
import { throwIfAborted } from '../../errors.js';
import type { Task, Workers } from '../../parallel/index.js';
import { solveMoments } from '../rounding/error-compensation.js';
import { HeldOutError, type HeldOutInputs } from '../rounding/held-out-error.js';
import { scaledRounder, scaleRows } from './channel-scales.js';
import { type MatrixAlgorithm, type MatrixForm, MatrixRounder, type RoundingOptions } from './round-matrix.js';
import type { RoundedBlocks } from './store-rounded.js';

export interface WeightRounding extends RoundingOptions {
  /** W [K, N]. */
  readonly weights: Float32Array;
  readonly n: number;
  readonly form: MatrixForm;
  /** The first one that works is taken where no inputs were held out. */
  readonly algorithms: readonly MatrixAlgorithm[];
  /** Σx̂x̂ᵀ [K, K] of the inputs as they are now. */
  readonly gram: Float64Array;
  /** Σx̂(x − x̂)ᵀ·W [K, N]: what inputs as they are now lack of the outputs; null where they are those of the original. */
  readonly shortfall: Float32Array | null;
  readonly held: HeldOutInputs | null;
  /** s [K] of awq, which rounds s·W for inputs that are divided by s. */
  readonly channelScales?: Float32Array | null;
}

export interface RoundedWeight {
  readonly algorithm: MatrixAlgorithm;
  /** Share of the outputs' power that is lost, on inputs that were held out, by algorithm; empty where none were. */
  readonly errors: ReadonlyMap<MatrixAlgorithm, number>;
  readonly blocks: RoundedBlocks;
  /** Of packed weights. */
  readonly scale: Float32Array | null;
  /** What the integers stand for [K, N], divided by the channels' scales. */
  readonly decoded: Float32Array;
}

export const roundWeightTask: Task<WeightRounding, RoundedWeight | string> = {
  module: import.meta.url,
  exportName: 'roundWeightTask',
  keep: true,
  run: roundNow,
};

/** A rounded weight, or the reason why there is none. Memory: the matrix and the moments, some times. */
export async function roundWeight(
  problem: WeightRounding,
  workers: Workers,
  signal?: AbortSignal,
): Promise<RoundedWeight | string> {
  throwIfAborted(signal);
  return workers.run(roundWeightTask, problem, signal);
}

/** Shares of what earlier errors ask for that weights are moved by before errors are made up for: with few samples less is better. */
const shares = [1, 0.5, 0] as const;

/** An algorithm, and what it rounds. */
interface Candidate {
  readonly algorithm: MatrixAlgorithm;
  readonly target: Float32Array;
  readonly rounder: MatrixRounder;
  /** By which rows of the target were multiplied. */
  readonly channelScales: Float32Array | null;
}

function roundNow({ weights, n, form, held, ...problem }: WeightRounding): RoundedWeight | string {
  const errors = new Map<MatrixAlgorithm, number>();
  let candidates = listCandidates(weights, n, problem);
  if (held) {
    const measure = new HeldOutError(weights, n, held);
    const measured = candidates.map((candidate) => {
      const { algorithm, rounder, target, channelScales } = candidate;
      const rounded = rounder.round(measure.chosen(target), measure.n, form, algorithm);
      if (rounded === null) return Number.POSITIVE_INFINITY;
      const error = measure.of(unscaled(rounded.rounding.decode(), channelScales));
      errors.set(algorithm, Math.min(error, errors.get(algorithm) ?? error));
      return error;
    });
    const order = [...candidates.keys()].sort((a, b) => measured[a] - measured[b] || a - b);
    candidates = order.map((index) => candidates[index]);
  }
  for (const { algorithm, target, rounder, channelScales } of candidates) {
    const rounded = rounder.round(target, n, form, algorithm);
    if (rounded === null) continue;
    const { integers, steps, zeroPoints, multipliers } = rounded.rounding;
    const blocks = { integers, steps, zeroPoints, multipliers, vectors: rounded.vectors };
    const decoded = unscaled(rounded.rounding.decode(), channelScales);
    return { algorithm, errors, blocks, scale: rounded.scale, decoded };
  }
  return 'the second moments of its inputs are not positive';
}

function listCandidates(
  weights: Float32Array,
  n: number,
  {
    algorithms,
    shortfall,
    gram,
    channelScales = null,
    ...options
  }: Omit<WeightRounding, 'weights' | 'n' | 'form' | 'held'>,
): Candidate[] {
  const rounder = new MatrixRounder(gram, weights.length / n, options);
  return algorithms.flatMap((algorithm): Candidate[] => {
    if (algorithm === 'awq') {
      if (channelScales === null) return [];
      const scaled = scaledRounder(gram, channelScales);
      return [{ algorithm, target: scaleRows(weights, channelScales), rounder: scaled, channelScales }];
    }
    const targets = algorithm === 'gptq' ? movedWeights(weights, n, shortfall, rounder) : [weights];
    return targets.map((target) => ({ algorithm, target, rounder, channelScales: null }));
  });
}

function unscaled(decoded: Float32Array, scales: Float32Array | null): Float32Array {
  return scales
    ? scaleRows(
        decoded,
        scales.map((scale) => 1 / scale),
      )
    : decoded;
}

/** What weights should be for inputs as they are now, as far as they go. */
function movedWeights(
  weights: Float32Array,
  n: number,
  shortfall: Float32Array | null,
  { factor }: MatrixRounder,
): readonly Float32Array[] {
  if (!shortfall || !factor) return [weights];
  const change = solveMoments(factor, shortfall, n);
  return shares.map((share) => (share === 0 ? weights : weights.map((weight, i) => weight + share * change[i])));
}
