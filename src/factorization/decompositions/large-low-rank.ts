// Low rank of large matrices: products in the engine, and what no product does in worker threads. The factors are those of `low-rank.ts`; the
// directions of the outputs come from the largest eigenvectors only.
import { throwIfAborted } from '../../errors.js';
import { leadingEigen, type Matrix, scaleColumns, transpose } from '../../numeric/index.js';
import type { PassContext } from '../../pass/index.js';
import { choleskyTask, eigenTask, energiesTask } from './factorize-task.js';
import type { Choice, Stage } from './family.js';
import { choicesByEnergies, lowRankStages } from './low-rank.js';
import type { OperatorShape, WeightGroup } from './problem.js';

type Tools = Pick<PassContext, 'products' | 'workers' | 'signal' | 'random'>;

export async function largeChoices(
  shape: OperatorShape,
  { weights, metric }: WeightGroup,
  multiple: number,
  context: Tools,
): Promise<readonly Choice[]> {
  const { gram } = await outputDirections(weights, metric, context);
  return choicesByEnergies(shape, [await context.workers.run(energiesTask, gram, context.signal)], multiple);
}

export async function largeFactors(
  shape: OperatorShape,
  { weights, metric }: WeightGroup,
  rank: number,
  context: Tools,
): Promise<readonly Stage[]> {
  const { products, workers, signal } = context;
  const { gram, toOutputs } = await outputDirections(weights, metric, context);
  const { values, vectors } = await leadingEigen(gram, rank, {
    random: context.random(),
    multiply: (a, b) => products.multiplyExactly(a, b),
    eigen: (symmetric) => workers.run(eigenTask, symmetric, signal),
    check: () => throwIfAborted(signal),
  });
  const second = toOutputs ? await products.multiplyExactly(toOutputs, vectors) : vectors;
  // Columns of W·L·Z are as long as the roots of their energies.
  if (toOutputs)
    scaleColumns(
      second,
      values.map((value) => (value > 0 ? 1 / Math.sqrt(value) : 0)),
    );
  const first = await products.multiplyExactly(transpose(second), weights);
  return lowRankStages(shape, [{ first, second }]);
}

/**
 * W·C·Wᵀ, whose eigenvectors are directions of the outputs; where there are more outputs than inputs Lᵀ·Wᵀ·W·L with C = L·Lᵀ, which has the same
 * eigenvalues, and whose eigenvectors W·L (`toOutputs`) brings there.
 */
async function outputDirections(
  weights: Matrix,
  metric: Matrix | null,
  { products, workers, signal }: Tools,
): Promise<{ readonly gram: Matrix; readonly toOutputs: Matrix | null }> {
  const multiply = (a: Matrix, b: Matrix): Promise<Matrix> => {
    throwIfAborted(signal);
    return products.multiplyExactly(a, b);
  };
  if (weights.rows <= weights.columns) {
    const seen = metric ? await multiply(weights, metric) : weights;
    return { gram: await multiply(seen, transpose(weights)), toOutputs: null };
  }
  const factor = metric && (await workers.run(choleskyTask, metric, signal));
  const toOutputs = factor ? await multiply(weights, factor) : weights;
  return { gram: await multiply(transpose(toOutputs), toOutputs), toOutputs };
}
