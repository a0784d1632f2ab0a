// The course of every factorizing pass: find operators, observe their inputs, rate their ranks, choose, check, and replace them in order.
import { weightBytes } from '../analysis/index.js';
import type { Feeds } from '../engine/index.js';
import { throwIfAborted, usageError } from '../errors.js';
import type { Model } from '../ir/index.js';
import type { PassContext } from '../pass/index.js';
import { noiseFreeRanksTask } from './decompositions/factorize-task.js';
import type { Choice, FamilyName } from './decompositions/family.js';
import { energyOf, type WeightGroup } from './decompositions/problem.js';
import { choicesOf, factorsOf } from './decompositions/work.js';
import { type FactorizationOptions, type RankRule, rankRule } from './options.js';
import { asItIsNow, type Candidate, findCandidates, weightsOf } from './ranks/candidates.js';
import { type Budget, bytesOfParameter, type Chosen, chooseRanks, type RatedCandidate } from './ranks/choose-ranks.js';
import { DamageCurve } from './ranks/damage-curve.js';
import { measureDivergences, type Trial } from './ranks/sensitivity.js';
import { SpeedCheck } from './ranks/speed-check.js';
import { fittedBias, movedBias } from './repair/bias.js';
import { type InputStatistics, observeInputs, scaledMetric } from './repair/moments.js';
import { Refit } from './repair/refit.js';
import { emitFactors } from './rewriting/emit.js';

interface Prepared extends RatedCandidate {
  readonly groups: readonly WeightGroup[];
  readonly means: readonly Float64Array[] | null;
  /** What was measured of the damage that each way does at its errors; null where that is not asked for. */
  readonly measured: ReadonlyMap<FamilyName, DamageCurve> | null;
}

/** How often damages are measured where the choice has moved away from what is measured. */
const mostRounds = 4;

export async function factorize(
  model: Model,
  families: readonly FamilyName[],
  operators: readonly string[],
  options: FactorizationOptions,
  context: PassContext,
): Promise<void> {
  const rule = withShare(rankRule(options), model);
  if (context.samples === null && (options.weighting === 'scaled' || options.weighting === 'whitened')) {
    throw usageError(`The weighting ${options.weighting} needs samples`, 'Give data with --calibration-data.');
  }
  const candidates = await findCandidates(model, families, operators, options, context);
  const prepared = await prepare(model, candidates, rule, options, context);
  const speed = options.checkSpeed ? new SpeedCheck(context.engine) : null;
  const budget = { modelBytes: weightBytes(model), mostDivergence: options.mostDivergence };
  const chosen = await chooseMeasured(model, prepared, rule, budget, speed, context);
  const accepted: { one: Prepared; choice: Choice }[] = [];
  for (const [index, one] of prepared.entries()) {
    const choice = chosen[index];
    if (choice) accepted.push({ one, choice });
    else context.record.skipped(one.candidate.operator.node, whyNot(one, rule, speed));
  }
  report(prepared, chosen, rule, budget, context);
  if (context.samples !== null && options.refit) await replaceInOrder(model, accepted, context.samples, context);
  else await replaceAlone(model, accepted, context);
}

/** A size in bytes as a share of what the weights take. */
function withShare(rule: RankRule, model: Model): RankRule {
  if (rule.kind !== 'bytes') return rule;
  return { kind: 'size', share: Math.min(1, rule.bytes / Math.max(weightBytes(model), 1)) };
}

async function prepare(
  model: Model,
  candidates: readonly Candidate[],
  rule: RankRule,
  options: FactorizationOptions,
  context: PassContext,
): Promise<Prepared[]> {
  const { workers, signal, record } = context;
  const observed = context.samples !== null && options.weighting !== 'plain' && candidates.length > 0;
  const statistics = observed ? await observeInputs(candidates, context) : null;
  let done = 0;
  const rated = await Promise.all(
    candidates.map(async (candidate): Promise<Prepared | null> => {
      const own = statistics?.get(candidate) ?? null;
      const groups = weightsOf(candidate).map((weights, group) => ({
        weights,
        metric: own && metricOf(own[group], options),
      }));
      const { shape } = candidate;
      // Ranks that are asked for are those of one way, whose modes they are.
      const ways = isComparing(rule) ? candidate.families : candidate.families.slice(0, 1);
      const choicesByWay = await Promise.all(
        ways.map((family) => choicesOf({ family, shape, groups }, options.rankMultiple, context)),
      );
      const all = choicesByWay.flat();
      const [family] = ways;
      const noiseFreeRanks =
        rule.kind === 'vbmf' ? await workers.run(noiseFreeRanksTask, { family, shape, groups }, signal) : null;
      context.progress(++done, candidates.length);
      throwIfAborted(signal);
      const choices = options.allowLarger ? all : all.filter(({ parameters }) => parameters < candidate.parameters);
      if (choices.length === 0) {
        record.skipped(candidate.operator.node, 'no rank would make it smaller');
        return null;
      }
      const energy = groups.reduce((sum, group) => sum + energyOf(group), 0);
      const damageOf = ({ error }: Choice): number => (energy > 0 ? error / energy : 0);
      const means = own && candidate.operator.biasSlot ? own.map(({ mean }) => mean) : null;
      return { candidate, choices, energy, damageOf, noiseFreeRanks, groups, means, measured: null };
    }),
  );
  const prepared = rated.filter((one) => one !== null);
  const budgeted = rule.kind === 'params' || rule.kind === 'macs' || rule.kind === 'size';
  if (options.sensitivity === 'measured' && context.samples === null) {
    throw usageError('Sensitivities are measured on samples', 'Give data with --calibration-data.');
  }
  if (context.samples === null || options.sensitivity === 'relative' || !budgeted) return prepared;
  const measurable = prepared.map((one) => {
    const ways = new Set(one.choices.map(({ family }) => family));
    const measured = new Map([...ways].map((way) => [way, new DamageCurve()]));
    return { ...one, measured, damageOf: ({ family, error }: Choice) => measured.get(family)!.at(error) };
  });
  await measure(
    model,
    measurable.flatMap((one) => [...one.measured.keys()].map((way) => ({ one, choice: halfOf(one, way) }))),
    context,
  );
  return measurable;
}

/** Adds to the damage curves what these choices do. */
async function measure(model: Model, chosen: Accepted, context: PassContext): Promise<void> {
  const trials: Trial[] = [];
  for (const { one, choice } of chosen) trials.push(await trialOf(one, choice, model, context));
  const divergences = await measureDivergences(model, trials, context);
  for (const [index, { one, choice }] of chosen.entries())
    one.measured?.get(choice.family)?.add(choice.error, divergences[index]);
}

/** Whether a rule compares choices by their errors and costs. */
function isComparing({ kind }: RankRule): boolean {
  return kind !== 'vbmf' && kind !== 'fixed' && kind !== 'full';
}

function metricOf({ metric }: InputStatistics, { weighting }: FactorizationOptions) {
  return weighting === 'scaled' ? scaledMetric(metric) : metric;
}

/** The choice of one way next to half of the parameters. */
function halfOf({ candidate, choices, energy }: Prepared, way: FamilyName): Choice {
  const far = ({ parameters, error }: Choice): number =>
    Math.abs(parameters / candidate.parameters - 0.5) + error / Math.max(energy, Number.MIN_VALUE) / 10;
  return choices.filter(({ family }) => family === way).reduce((best, next) => (far(next) < far(best) ? next : best));
}

async function trialOf(one: Prepared, choice: Choice, model: Model, context: PassContext): Promise<Trial> {
  const { candidate, groups } = one;
  const { shape } = candidate;
  const stages = await factorsOf({ family: choice.family, shape, groups }, choice.ranks, context);
  return { candidate, choice, stages, bias: movedBias(one, stages, candidate.operator, model) };
}

/** Chooses, measures the damage of what was chosen where it is not known yet, and chooses again with what that showed. */
async function chooseMeasured(
  model: Model,
  prepared: readonly Prepared[],
  rule: RankRule,
  budget: Budget,
  speed: SpeedCheck | null,
  context: PassContext,
): Promise<Chosen[]> {
  let chosen = await choose(prepared, rule, budget, speed, context);
  for (let round = 0; round < mostRounds; round++) {
    const unknown = prepared.flatMap((one, index) => {
      const choice = chosen[index];
      return choice && one.measured?.get(choice.family)?.isMeasuredNear(choice.error) === false
        ? [{ one, choice }]
        : [];
    });
    if (unknown.length === 0) break;
    await measure(model, unknown, context);
    chosen = await choose(prepared, rule, budget, speed, context);
  }
  return chosen;
}

/** Chooses, measures how fast what was chosen is, and chooses again without what was too slow. */
async function choose(
  prepared: readonly Prepared[],
  rule: RankRule,
  budget: Budget,
  speed: SpeedCheck | null,
  { signal }: PassContext,
): Promise<Chosen[]> {
  for (;;) {
    const allowed = prepared.map((one) => ({
      ...one,
      choices: one.choices.filter((choice) => speed?.allows(one.candidate, choice) ?? true),
    }));
    const chosen = chooseRanks(allowed, rule, budget);
    let all = true;
    for (const [index, choice] of chosen.entries()) {
      throwIfAborted(signal);
      const { candidate } = prepared[index];
      if (choice && speed?.allows(candidate, choice) && !(await speed.passes(candidate, choice))) all = false;
    }
    if (all) return chosen;
  }
}

function whyNot({ candidate, choices, noiseFreeRanks }: Prepared, rule: RankRule, speed: SpeedCheck | null): string {
  const slow = speed?.slowest(candidate) ?? null;
  if (slow && choices.every((choice) => !speed?.allows(candidate, choice))) {
    return `it would be slower: ${slow.time.toFixed(2)} times its time at rank ${slow.ranks.join(', ')}`;
  }
  switch (rule.kind) {
    case 'energy':
      return `no smaller${slow ? ', faster' : ''} rank keeps ${rule.share} of its energy`;
    case 'vbmf':
      return `rank ${noiseFreeRanks?.join(', ')}, which noise does not explain, would not make it smaller${slow ? ' and faster' : ''}`;
    case 'fixed':
    case 'full':
      return `this rank would not make it smaller${slow ? ' and faster' : ''}`;
    case 'ratio':
      return `no rank is that small${slow ? ' and fast' : ''}`;
    default:
      return 'others meet the budget at less cost';
  }
}

function report(
  prepared: readonly Prepared[],
  chosen: readonly Chosen[],
  rule: RankRule,
  { modelBytes, mostDivergence }: Budget,
  { record }: PassContext,
): void {
  const sum = (of: (one: Prepared, choice: Chosen) => number): number =>
    prepared.reduce((total, one, index) => total + of(one, chosen[index]), 0);
  const before = sum(({ candidate }) => candidate.parameters);
  const after = sum(({ candidate }, choice) => (choice ?? candidate).parameters);
  const macsBefore = sum(({ candidate }) => candidate.macs);
  const macsAfter = sum(({ candidate }, choice) => (choice ?? candidate).macs);
  record.metric('parameters before', before);
  record.metric('parameters after', after);
  record.metric(
    'summed divergence',
    sum(({ damageOf }, choice) => (choice ? damageOf(choice) : 0)),
  );
  const reached: Partial<Record<RankRule['kind'], number>> = {
    params: after / before,
    macs: macsAfter / macsBefore,
    size: 1 - ((before - after) * bytesOfParameter(prepared)) / modelBytes,
  };
  const share = reached[rule.kind];
  if (before === 0 || share === undefined || !('share' in rule) || mostDivergence !== undefined) return;
  if (share <= rule.share + 0.01) return;
  record.metric('targetMissed', 1);
  record.warn(`Only ${percent(share)} was reached of ${percent(rule.share)}: more would be larger or slower`);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

type Accepted = readonly { readonly one: Prepared; readonly choice: Choice }[];

async function replaceAlone(model: Model, accepted: Accepted, context: PassContext): Promise<void> {
  for (const { one, choice } of accepted) {
    const { candidate, groups } = one;
    const { shape } = candidate;
    const operator = asItIsNow(candidate, model);
    const stages = await factorsOf({ family: choice.family, shape, groups }, choice.ranks, context);
    recordChange(one, choice, context);
    emitFactors(model, operator, shape, stages, movedBias(one, stages, operator, model));
  }
}

async function replaceInOrder(
  model: Model,
  accepted: Accepted,
  samples: AsyncIterable<Feeds>,
  context: PassContext,
): Promise<void> {
  const refit = await Refit.start(model, samples, context);
  for (let from = 0; from < accepted.length; ) {
    // Operators with the same input do not depend on one another.
    const input = accepted[from].one.candidate.operator.node.input(0);
    let to = from + 1;
    while (to < accepted.length && accepted[to].one.candidate.operator.node.input(0) === input) to++;
    const part = accepted.slice(from, to);
    const operators = part.map(({ one }) => asItIsNow(one.candidate, model));
    const fits = part.map(({ one }, index) => ({
      operator: operators[index],
      shape: one.candidate.shape,
      weights: one.groups.map(({ weights }) => weights),
    }));
    const fitted = await refit.fit(fits);
    for (const [index, { one, choice }] of part.entries()) {
      const { shape } = one.candidate;
      const { groups, means } = fitted[index];
      const stages = await factorsOf({ family: choice.family, shape, groups }, choice.ranks, context);
      const bias = means && fittedBias(shape, stages, means);
      recordChange(one, choice, context);
      emitFactors(model, operators[index], shape, stages, bias);
    }
    context.progress(to, accepted.length);
    from = to;
  }
}

function recordChange({ candidate }: Prepared, { family, ranks, parameters }: Choice, { record }: PassContext): void {
  const share = percent(parameters / candidate.parameters);
  record.changed(
    candidate.operator.node,
    `${candidate.families.length > 1 ? `${family}, ` : ''}rank ${ranks.join(', ')}: ${parameters} of ${candidate.parameters} parameters, ${share}`,
  );
}
