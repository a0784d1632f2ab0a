// Refits linear operators, from input to output of a model, so that their outputs match those of a reference on real samples: both models run
// in lockstep, inputs come from the changed model, targets from the reference. Where a residual addition follows, the target is what the
// sum lacks, so that every block undoes what earlier ones lost. Where a Relu or Clip follows, what it cuts off in both models is no error
// (Zhang et al., "Accelerating Very Deep Convolutional Networks for Classification and Detection", 2016). Of what cannot be refitted the bias is
// re-estimated, and the statistics of BatchNormalization are.
import { type LinearOperator, linearOperator, readRows } from '../../analysis/index.js';
import type { Model, Node } from '../../ir/index.js';
import type { Random } from '../../numeric/index.js';
import type { PassContext } from '../../pass/index.js';
import { type Regression, RidgeRegression } from './least-squares.js';
import { Lockstep } from './lockstep.js';
import { type ObservedTargets, observeTargets, type RefitTarget } from './observe-targets.js';
import { replaceRows } from './replace-rows.js';
import { restoreBias, restoreNormalization } from './restore-statistics.js';

/** Relative to the mean square of a feature: convolutions see many positions, matrices fewer rows. */
const ridge = { convolution: 1e-3, matrix: 1e-2, fewRows: 0.1 } as const;
/**
 * How often targets behind an activation that cuts off are set anew. Each round is a step of projected least squares; with momentum five do as
 * much as a dozen.
 */
const rectifyingRounds = 5;

/** Refits `targets` in the order of the graph; each ends as changed or skipped in the record of `context`. Returns how many were. */
export async function refit(
  model: Model,
  reference: Model,
  targets: ReadonlyMap<Node, RefitTarget>,
  context: PassContext,
): Promise<number> {
  const lockstep = new Lockstep(model, reference, context);
  const random = context.random();
  let done = 0;
  let changed = 0;
  for (const node of [...model.graph.nodes()]) {
    const target = targets.get(node);
    if (!target) continue;
    const reason = node.is('BatchNormalization')
      ? await restoreNormalization(lockstep, node, target.channels)
      : await refitOne(lockstep, target, context, random.fork(node.name));
    context.progress(++done, targets.size);
    if (reason === null) changed++;
    else context.record.skipped(node, `not refitted: ${reason}`);
  }
  return changed;
}

async function refitOne(
  lockstep: Lockstep,
  target: RefitTarget,
  context: PassContext,
  random: Random,
): Promise<string | null> {
  const observed = await observeTargets(lockstep, target, context, random);
  if (typeof observed === 'string') {
    const own = linearOperator(target.node, lockstep.model);
    const restored = own && typeof own !== 'string' && (await restoreBias(lockstep, own, target.channels));
    return restored ? `${observed} (its bias is)` : observed;
  }
  const { operator, moments, intercept, again } = observed;
  const regressions = regressionsOf(observed);
  if (!regressions) return nothingToSee;
  let best = solveAll(regressions);
  if (!best) return nothingToSee;
  replace(lockstep, operator, best, intercept);
  if (!again || moments.some(({ count }) => areFew(count, operator.rowLength))) return null;
  let ahead = best;
  for (let round = 1; round <= rectifyingRounds; round++) {
    await again();
    const next = solveAll(regressions);
    if (!next) break;
    ahead = round < rectifyingRounds ? extrapolated(best, next, (round - 1) / (round + 2)) : next;
    best = next;
    replace(lockstep, operator, ahead, intercept);
  }
  return null;
}

const nothingToSee = 'its inputs are zero, or not finite';

/** By group of the operator. */
function regressionsOf({ operator, moments, intercept }: ObservedTargets): RidgeRegression[] | null {
  const { groups, rowLength, outputChannels } = operator;
  const outputs = outputChannels / groups;
  const before = readRows(operator);
  const regressions: RidgeRegression[] = [];
  for (const [group, own] of moments.entries()) {
    const start = transposed(
      before.subarray(group * outputs * rowLength, (group + 1) * outputs * rowLength),
      outputs,
      rowLength,
    );
    const regression = RidgeRegression.of(own, start, { ridge: ridgeOf(operator, own.count), intercept });
    if (!regression) return null;
    regressions.push(regression);
  }
  return regressions;
}

function solveAll(regressions: readonly RidgeRegression[]): Regression[] | null {
  const solutions = regressions.map((regression) => regression.solve());
  return solutions.every((solution) => solution !== null) ? solutions : null;
}

/** next + momentum · (next − last), by group (Nesterov). */
function extrapolated(last: readonly Regression[], next: readonly Regression[], momentum: number): Regression[] {
  const further = (from: Float64Array, to: Float64Array): Float64Array =>
    to.map((value, at) => value + momentum * (value - from[at]));
  return next.map(({ weights, bias }, group) => ({
    weights: further(last[group].weights, weights),
    bias: further(last[group].bias, bias),
  }));
}

function replace(
  { model }: Lockstep,
  operator: LinearOperator,
  solutions: readonly Regression[],
  intercept: boolean,
): void {
  const { rowLength, groups, outputChannels } = operator;
  const outputs = outputChannels / groups;
  const rows = new Float32Array(outputChannels * rowLength);
  const bias = new Float32Array(outputChannels);
  for (const [group, solution] of solutions.entries()) {
    rows.set(transposed(solution.weights, rowLength, outputs), group * outputs * rowLength);
    bias.set(solution.bias, group * outputs);
  }
  replaceRows(model, operator, rows, intercept ? bias : null);
}

/** Pull towards the weights there are, relative to the mean square of a feature. */
export function ridgeOf({ kind, rowLength }: LinearOperator, rows: number): number {
  if (areFew(rows, rowLength)) return ridge.fewRows;
  return kind === 'conv' ? ridge.convolution : ridge.matrix;
}

/** Rows that leave much of the weights open. */
function areFew(rows: number, rowLength: number): boolean {
  return rows < 2 * rowLength;
}

/** `values` [rows, columns] as [columns, rows]. */
export function transposed(values: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const result = new Float64Array(values.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) result[j * rows + i] = values[i * columns + j];
  return result;
}
