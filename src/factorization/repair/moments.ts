// The metric of each operator from real inputs: their mean and covariance.
import type { LinearOperator } from '../../analysis/index.js';
import { GramObserver, type Observer, type SecondMoments } from '../../calibration/index.js';
import { memoryLimit } from '../../errors.js';
import type { Value } from '../../ir/index.js';
import { createMatrix, type Matrix } from '../../numeric/index.js';
import type { PassContext } from '../../pass/index.js';
import { regularize } from '../decompositions/problem.js';
import type { Candidate } from '../ranks/candidates.js';

/** Positions of a convolution that are looked at in each sample. */
const mostPositions = 512;
/** Bytes of all covariances together. */
const mostBytes = 4 * 2 ** 30;

/** Of the inputs of one group of an operator. */
export interface InputStatistics {
  readonly mean: Float64Array;
  /** About the mean where a bias can take up the difference, else about zero. */
  readonly metric: Matrix;
}

/** By candidate and group; operators with the same input share what is the same. */
export async function observeInputs(
  candidates: readonly Candidate[],
  context: PassContext,
): Promise<ReadonlyMap<Candidate, readonly InputStatistics[]>> {
  const observers = new Map<string, { observer: GramObserver; value: Value }>();
  const keys = new Map<Value, number>();
  const keyOf = ({ operator }: Candidate): string => {
    if (!keys.has(operator.input)) keys.set(operator.input, keys.size);
    const own = operator.kind === 'matrix' ? '' : operator.node.outputs[0]!.name;
    return `${keys.get(operator.input)} ${own}`;
  };
  let bytes = 0;
  for (const candidate of candidates) {
    const key = keyOf(candidate);
    if (observers.has(key)) continue;
    const { operator } = candidate;
    bytes += operator.groups * operator.rowLength ** 2 * 8;
    if (bytes > mostBytes) {
      throw memoryLimit(
        `The covariances of the inputs of ${candidates.length} operators take more than 4 GiB`,
        'Choose fewer operators at once with --include.',
      );
    }
    const sampling = { most: mostPositions, random: context.random().fork(key) };
    observers.set(key, { observer: new GramObserver(operator, context.products, sampling), value: operator.input });
  }
  const wanted: [Value, Observer][] = [...observers.values()].map(({ observer, value }) => [value, observer]);
  await context.observe(wanted);
  const made = new Map<string, readonly InputStatistics[]>();
  const result = new Map<Candidate, readonly InputStatistics[]>();
  for (const candidate of candidates) {
    const key = `${keyOf(candidate)} ${candidate.operator.biasSlot !== null}`;
    let statistics = made.get(key);
    if (!statistics) {
      const { observer } = observers.get(keyOf(candidate))!;
      await observer.finish();
      statistics = observer.moments.map((moments) => inputStatistics(moments, candidate.operator));
      made.set(key, statistics);
    }
    result.set(candidate, statistics);
  }
  return result;
}

export function inputStatistics(moments: SecondMoments, { biasSlot }: LinearOperator): InputStatistics {
  const { columns, count, gram } = moments;
  const mean = moments.sum.map((sum) => (biasSlot === null ? 0 : sum / count));
  const metric = createMatrix(columns, columns);
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < columns; j++) {
      const at = i * columns + j;
      metric.data[at] = gram[at] / count - mean[i] * mean[j];
    }
  }
  // Rounding of float32 sums must not leave negative variances.
  regularize(metric, 1e-6);
  return { mean, metric };
}

/** ASVD (Yuan et al. 2023): each input counts by the root of its size, whatever it varies together with. */
export function scaledMetric({ rows, columns, data }: Matrix): Matrix {
  const result = createMatrix(rows, columns);
  for (let i = 0; i < rows; i++) result.data[i * columns + i] = Math.sqrt(data[i * columns + i]);
  return result;
}
