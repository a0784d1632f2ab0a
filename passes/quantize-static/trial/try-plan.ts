// What of a plan stands when it is tried on outputs, with rounding simulated in float: what is kept in float or computed twice for exactness is kept where
// outputs gain by it, and whatever moves an output too far is spared.
import { weightBytes } from '../../../src/analysis/index.js';
import type { Model, Value } from '../../../src/ir/index.js';
import { nodeLabel, type PassContext } from '../../../src/pass/index.js';
import type { QuantizationParameters } from '../../../src/quantization/index.js';
import { replaceWeights } from '../../../src/rounding/index.js';
import type { Options } from '../options.js';
import { type PlannedLinear, quantizedValues, type StaticPlan } from '../plan/plan.js';
import { isFirst } from '../plan/plan-linears.js';
import type { ChosenRanges } from '../ranges/choose-ranges.js';
import { type PackedMatrix, restoredMatrix } from '../weights/pack-matrices.js';
import type { RoundedConvolution } from '../weights/round-weights.js';
import { HeldOutOutputs } from './held-out-outputs.js';
import { judgePlacement, type Placement, type PlacementTechnique } from './judge-placement.js';
import { keepClose, mostSamples } from './keep-close.js';
import { RoundedModel } from './rounded-model.js';
import { measureSensitivity } from './sensitivity.js';

export interface Trying {
  readonly options: Options;
  planOf(linears: readonly PlannedLinear[], residual: Options['residual']): StaticPlan;
  readonly rounded: ReadonlyMap<PlannedLinear, RoundedConvolution>;
  readonly packed: ReadonlyMap<PlannedLinear, PackedMatrix>;
  readonly context: PassContext;
}

export type TriedPlan = Pick<ChosenRanges, 'grids' | 'twoPass'> & { readonly plan: StaticPlan };

/** How many times as far outputs must be for a first convolution that does much of the work to be worth its time: those of tiny_darknet and its activation take half of the float model's. */
const leastGainOfCostly = 4;
/** Samples that techniques are judged on: what is gained may be a third. */
const mostJudging = 64;
/** Second passes are judged value by value; where there are more of them, several together. */
const mostJudgedPasses = 12;
/** Of the weights, in the session that rounding is tried in. */
const copiesOfWeights = 3;

/** @param complete with everything that may be computed with integers. */
export async function tryPlan(
  model: Model,
  complete: StaticPlan,
  ranges: ChosenRanges,
  trying: Trying,
): Promise<TriedPlan> {
  const { options, rounded, packed, context } = trying;
  const techniques = techniquesOf(complete, ranges, options);
  const needed = copiesOfWeights * weightBytes(model);
  const fits = needed <= (context.maxMemory ?? Number.POSITIVE_INFINITY);
  const isWanted = techniques.length > 0 || options.maxOutputError > 0 || options.sensitivity;
  if (!fits || !isWanted) {
    if (isWanted) warnOfMemory(needed, context);
    const affordable = techniques.filter(({ leastGain }) => leastGain === 1);
    const placement = placementBy(complete, affordable, ranges, options);
    return settle(model, placement, affordable, ranges, trying);
  }
  const exact = new Map(
    [...rounded].map(([linear, { operator, originalBias: bias }]) => [
      linear,
      { weight: operator.weight.tensor, bias },
    ]),
  );
  const matrices = new Map([...packed].map(([linear, matrix]) => [linear, restoredMatrix(linear.operator, matrix)]));
  const weights = { exact, matrices, storedExactly: options.weightType === 'int4' };
  const simulated = await RoundedModel.open(model, complete, ranges, weights, context.engine);
  try {
    const outputs = await HeldOutOutputs.of(
      simulated,
      context.samples!,
      ranges.samples,
      techniques.length > 0 ? mostJudging : mostSamples,
    );
    const all = placementBy(complete, techniques, ranges, options);
    const planOf = (placement: Placement): StaticPlan => trying.planOf(placement.linears, placement.residual);
    const { placement, kept } = await judgePlacement(all, techniques, outputs, planOf, context);
    const placed = settle(model, placement, [...kept], ranges, trying);
    const close =
      options.maxOutputError > 0 ? await withOutputsClose(model, placed, placement, ranges, outputs, trying) : placed;
    if (options.sensitivity) await recordSensitivity(close.plan, ranges, simulated, context);
    return close;
  } finally {
    await simulated.close();
  }
}

function warnOfMemory(needed: number, { record, maxMemory }: PassContext): void {
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  record.warn(
    `The plan was not tried on outputs, which takes ${megabytes(needed)} for three copies of the weights, more than the ${megabytes(maxMemory ?? 0)} of --max-memory: ends stay float unseen, and no operator was spared; allow more, or compare the outputs yourself`,
  );
}

const wholeModel = 'the whole model';

/** What is done for exactness and not just because it was asked for. */
function techniquesOf(
  { linears }: StaticPlan,
  ranges: ChosenRanges,
  { edges, residual, judged }: Options,
): PlacementTechnique[] {
  const techniques: PlacementTechnique[] = [];
  const addFloat = (name: string, float: readonly PlannedLinear[], reason: string, leastGain: number): void => {
    if (float.length === 0 || float.length === linears.length) return;
    const without = (placement: Placement): Placement => ({
      ...placement,
      linears: linears.filter((linear) => placement.linears.includes(linear) || float.includes(linear)),
    });
    techniques.push({ name, place: wholeModel, float, reason, leastGain, without });
  };
  for (const end of ['first', 'last'] as const) {
    const float = linears.filter(({ edge }) => edge?.end === end);
    addFloat(`${end} operators in float`, float, '', 1);
  }
  if (edges === 'cheap') {
    const first = linears.filter(({ operator: { kind, input }, edge }) => !edge && kind === 'conv' && isFirst(input));
    const reason = 'it is a first operator and stays float: integers there would cost more than all others';
    addFloat('first convolutions in float, for their share of the error', first, reason, leastGainOfCostly);
  }
  if (residual === 'float' && judged.has('residual')) {
    const without = (placement: Placement): Placement => ({ ...placement, residual: 'integer' });
    techniques.push({ name: 'additions in float', place: wholeModel, float: [], reason: '', leastGain: 1, without });
  }
  return judged.has('twoPass') ? [...techniques, ...secondPasses(ranges)] : techniques;
}

/** Those that were not asked for by name, from what rounds best on: that is what a second pass gains least for. */
function secondPasses({ twoPass, named, choices }: ChosenRanges): PlacementTechnique[] {
  const errorOf = (value: Value): number => choices.get(value)?.heldOutError ?? 0;
  const values = [...twoPass].filter((value) => !named.has(value)).sort((a, b) => errorOf(a) - errorOf(b));
  const together = Math.ceil(values.length / mostJudgedPasses);
  const count = Math.ceil(values.length / Math.max(together, 1));
  return Array.from({ length: count }, (_, index) => {
    const own = new Set(values.slice(index * together, (index + 1) * together));
    return {
      name: 'second passes',
      place: [...own].map(({ name }) => name).join(', '),
      float: [],
      reason: '',
      leastGain: 1,
      without: (placement) => ({
        ...placement,
        twice: new Set([...placement.twice].filter((value) => !own.has(value))),
      }),
    };
  });
}

function placementBy(
  { linears }: StaticPlan,
  techniques: readonly PlacementTechnique[],
  { twoPass: twice }: ChosenRanges,
  { residual }: Options,
): Placement {
  const float = new Set(techniques.flatMap((technique) => technique.float));
  return { linears: linears.filter((linear) => !float.has(linear)), residual, twice };
}

/** The plan of a placement; operators that techniques leave in float get their weights back. */
function settle(
  model: Model,
  { linears, residual, twice }: Placement,
  techniques: readonly PlacementTechnique[],
  { grids, wideGrids }: ChosenRanges,
  { planOf, rounded, context }: Trying,
): TriedPlan {
  for (const { float, reason } of techniques) {
    for (const linear of float) leaveFloat(model, [linear], rounded, linear.edge?.reason ?? reason, context);
  }
  return { plan: planOf(linears, residual), grids: widened(grids, wideGrids, twice), twoPass: twice };
}

/** Two passes take the widest grids. */
function widened(
  grids: ChosenRanges['grids'],
  wideGrids: ChosenRanges['grids'],
  twice: Iterable<Value>,
): ChosenRanges['grids'] {
  const wide = [...twice].flatMap((value) => {
    const grid = wideGrids.get(value);
    return grid ? [[value, grid] as const] : [];
  });
  return new Map([...grids, ...wide]);
}

/** Leaves those in float, or computes them twice, that move an output too far. */
async function withOutputsClose(
  model: Model,
  { plan, grids, twoPass }: TriedPlan,
  { residual }: Placement,
  { wideGrids }: ChosenRanges,
  outputs: HeldOutOutputs,
  { options, planOf, rounded, context }: Trying,
): Promise<TriedPlan> {
  const isOnce = options.activationType.endsWith('16') || options.twoPass === 'off';
  const canBeTwice = new Set(isOnce ? [] : wideGrids.keys());
  const rest = (linears: readonly PlannedLinear[]): StaticPlan => planOf(linears, residual);
  const settings = { limit: options.maxOutputError, twice: twoPass, canBeTwice, planOf: rest };
  const { before, after, stored, float, twice } = await keepClose(outputs, plan, settings, context);
  const { record } = context;
  record.metric('outputError', after);
  if (after < before) record.metric('outputErrorOfIntegersAlone', before);
  const moved = `integers moved an output by ${percent(before)} of its variance on samples that were held out`;
  leaveFloat(model, stored, rounded, `it computes in float: ${moved}, much of it from here`, context);
  leaveFloat(model, float, rounded, `it stays float, weights too: ${moved}, much of it from here`, context);
  for (const { operator } of stored) context.protect(operator.node, 'activations');
  for (const { operator } of float) context.protect(operator.node, 'weights');
  const added = [...twice].filter((value) => !twoPass.has(value));
  const spared = stored.length + float.length + added.length;
  if (spared > 0) {
    const verdict = { technique: 'operators spared', kept: true, before, after };
    record.tried(`${spared} of them`, 'the output that moved most, by its variance', verdict);
  }
  const left = new Set([...stored, ...float]);
  if (after > options.maxOutputError)
    record.warn(
      `An output moves by ${percent(after)} of its variance on samples that were held out, and no few operators are to blame: compare what the model says before you use it, or take --mode dynamic`,
    );
  return {
    plan: rest(plan.linears.filter((linear) => !left.has(linear))),
    grids: widened(grids, wideGrids, added),
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
