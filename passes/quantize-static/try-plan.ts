// What of a plan stands when it is tried on outputs, with rounding simulated in float: first convolutions, and whatever moves an output too far, stay float.
import { weightBytes } from '../../src/analysis/index.js';
import type { Model, Value } from '../../src/ir/index.js';
import { nodeLabel, type PassContext } from '../../src/pass/index.js';
import type { QuantizationParameters } from '../../src/quantization/index.js';
import { replaceWeights } from '../../src/rounding/index.js';
import type { ChosenRanges } from './choose-ranges.js';
import { costsMost } from './first-operators.js';
import { keepClose } from './keep-close.js';
import type { Options } from './options.js';
import { type PlannedLinear, quantizedValues, type StaticPlan } from './plan.js';
import { isFirst } from './plan-linears.js';
import type { RoundedConvolution } from './round-weights.js';
import { RoundedModel } from './rounded-model.js';
import { measureSensitivity } from './sensitivity.js';

export interface Trying {
  readonly options: Options;
  planOf(linears: readonly PlannedLinear[]): StaticPlan;
  readonly rounded: ReadonlyMap<PlannedLinear, RoundedConvolution>;
  readonly context: PassContext;
}

export type TriedPlan = Pick<ChosenRanges, 'grids' | 'twoPass'> & { readonly plan: StaticPlan };

/** What of the plan stands when rounding is tried on outputs. */
export async function tryPlan(
  model: Model,
  complete: StaticPlan,
  ranges: ChosenRanges,
  trying: Trying,
): Promise<TriedPlan> {
  const { options, context } = trying;
  const first = complete.linears.filter(({ operator: { kind, input } }) => kind === 'conv' && isFirst(input));
  const asksForFirst = options.edges === 'cheap' && first.length > 0 && first.length < complete.linears.length;
  const fits = weightBytes(model) * copiesOfWeights <= (context.maxMemory ?? Number.POSITIVE_INFINITY);
  const keepsClose = options.maxOutputError > 0 && fits;
  const untried = { plan: complete, grids: ranges.grids, twoPass: ranges.twoPass };
  if (!asksForFirst && !keepsClose && !options.sensitivity) return untried;
  const exact = new Map(
    [...trying.rounded].map(([linear, { operator, originalBias: bias }]) => [
      linear,
      { weight: operator.weight.tensor, bias },
    ]),
  );
  const simulated = await RoundedModel.open(model, complete, ranges, exact, context.engine);
  try {
    const withoutFirst = asksForFirst
      ? await withoutCostlyFirst(model, complete, first, ranges, simulated, trying)
      : complete;
    const close = keepsClose
      ? await withOutputsClose(model, withoutFirst, ranges, simulated, trying)
      : { ...untried, plan: withoutFirst };
    if (options.sensitivity) await recordSensitivity(close.plan, ranges, simulated, context);
    return close;
  } finally {
    await simulated.close();
  }
}

/** Of the weights, in the session that rounding is tried in. */
const copiesOfWeights = 3;

/** Leaves first convolutions in float where integers there cost more than all others together. */
async function withoutCostlyFirst(
  model: Model,
  plan: StaticPlan,
  first: readonly PlannedLinear[],
  { grids, samples }: ChosenRanges,
  simulated: RoundedModel,
  { planOf, rounded, context }: Trying,
): Promise<StaticPlan> {
  const rest = planOf(plan.linears.filter((linear) => !first.includes(linear)));
  const others = gridsOf(rest, grids);
  const only = new Set([...gridsOf(plan, grids).keys()].filter((value) => !others.has(value)));
  if (
    !(await costsMost(simulated, { part: plan, only }, { part: rest, only: new Set(others.keys()) }, samples, context))
  )
    return plan;
  leaveFloat(
    model,
    first,
    rounded,
    'it is a first operator and stays float: integers there would cost more than all others',
    context,
  );
  return rest;
}

/** Leaves those in float, or computes them twice, that move an output too far. */
async function withOutputsClose(
  model: Model,
  plan: StaticPlan,
  { grids, wideGrids, twoPass, samples }: ChosenRanges,
  simulated: RoundedModel,
  { options, planOf, rounded, context }: Trying,
): Promise<TriedPlan> {
  const isOnce = options.activationType.endsWith('16') || options.twoPass === 'off';
  const canBeTwice = new Set(isOnce ? [] : wideGrids.keys());
  const settings = { limit: options.maxOutputError, twice: twoPass, canBeTwice, planOf, samples };
  const { before, after, stored, float, twice } = await keepClose(simulated, plan, settings, context);
  const { record } = context;
  record.metric('outputError', after);
  if (after < before) record.metric('outputErrorOfIntegersAlone', before);
  const moved = `integers moved an output by ${percent(before)} of its variance on samples that were held out`;
  leaveFloat(model, stored, rounded, `it computes in float: ${moved}, much of it from here`, context);
  leaveFloat(model, float, rounded, `it stays float, weights too: ${moved}, much of it from here`, context);
  for (const { operator } of stored) context.protect(operator.node, 'activations');
  for (const { operator } of float) context.protect(operator.node, 'weights');
  const left = new Set([...stored, ...float]);
  if (after > options.maxOutputError)
    record.warn(
      `An output moves by ${percent(after)} of its variance on samples that were held out, and no few operators are to blame: compare what the model says before you use it, or take --mode dynamic`,
    );
  const added = [...twice].filter((value) => !twoPass.has(value));
  return {
    plan: planOf(plan.linears.filter((linear) => !left.has(linear))),
    grids: new Map([...grids, ...added.map((value) => [value, wideGrids.get(value)!] as const)]),
    twoPass: twice,
  };
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}

function leaveFloat(
  model: Model,
  linears: readonly PlannedLinear[],
  rounded: ReadonlyMap<PlannedLinear, RoundedConvolution>,
  reason: string,
  { record }: PassContext,
): void {
  for (const linear of linears) {
    const before = rounded.get(linear);
    if (before) replaceWeights(model, before.operator, before.operator.weight.tensor, before.originalBias);
    record.skipped(linear.operator.node, reason);
  }
}

export function gridsOf(plan: StaticPlan, grids: ChosenRanges['grids']): Map<Value, QuantizationParameters> {
  return new Map([...quantizedValues(plan)].map(([value, root]) => [value, grids.get(root)!]));
}

/** Figures in the report: squared error of the outputs relative to their squares, by operator. */
async function recordSensitivity(
  plan: StaticPlan,
  { samples }: ChosenRanges,
  simulated: RoundedModel,
  context: PassContext,
): Promise<void> {
  const errors = await measureSensitivity(simulated, plan.linears, samples, context);
  for (const [{ operator }, error] of errors) context.record.metric(`sensitivity ${nodeLabel(operator.node)}`, error);
}
