// One basis for several matrix products: Wᵢ ≈ Bᵢ·A with the same A [rank × inputs] for all members of a group, which are products of the same input
// (query, key and value) and those of the same role in neighbouring blocks (Basis Sharing, Wang et al. 2024). A is stored once, and computed once
// where members have the same input. With real inputs A is whitened by the covariance of them all, and each Bᵢ is the optimum for its own.
import { throwIfAborted, usageError } from '../errors.js';
import type { Model, Value } from '../ir/index.js';
import {
  createMatrix,
  dampedCholesky,
  gramOfRows,
  type Matrix,
  multiplyTransposed,
  rowsOf,
  solveLowerTransposed,
  symmetricEigen,
  transpose,
} from '../numeric/index.js';
import type { PassContext } from '../pass/index.js';
import { type Alternative, allocate } from './allocate.js';
import { type Centred, fittedBias, movedBias } from './bias.js';
import { asItIsNow, findCandidates, weightsOf } from './candidates.js';
import { emitFactors } from './emit.js';
import { rankSteps, type Stage } from './family.js';
import { observeInputs, scaledMetric } from './moments.js';
import { parseShare } from './options.js';
import { energyOf, projectOnto, type WeightGroup } from './problem.js';
import { Refit } from './refit.js';
import { shareGroups } from './share-groups.js';
import type { SharingOptions } from './share-options.js';

interface Member extends Centred {
  readonly group: WeightGroup;
  readonly energy: number;
}

/** What the members of a group share. */
interface SharedBasis {
  readonly members: readonly Member[];
  /** inputs × inputs; the first rows are A. */
  readonly basis: Matrix;
  readonly alternatives: readonly Alternative<number | null>[];
}

export async function shareBases(model: Model, options: SharingOptions, context: PassContext): Promise<void> {
  const { record, signal, samples } = context;
  if (samples === null && (options.weighting === 'scaled' || options.weighting === 'whitened')) {
    throw usageError(`The weighting ${options.weighting} needs samples`, 'Give data with --calibration-data.');
  }
  const candidates = await findCandidates(
    model,
    ['low-rank'],
    ['MatMul', 'Gemm'],
    { minimumSize: options.minimumSize },
    context,
  );
  const inner = candidates.filter(({ operator: { node } }) => node.graph !== model.graph);
  for (const { operator } of inner)
    record.skipped(operator.node, 'it is in a subgraph, away from those it could share with');
  const groups = shareGroups(candidates, model, options.blocks).filter((group) => {
    if (group.length > 1) return true;
    record.skipped(group[0].operator.node, 'there is no other product of its role and shape to share with');
    return false;
  });
  const observed = samples !== null && options.weighting !== 'plain' && groups.length > 0;
  const statistics = observed ? await observeInputs(groups.flat(), context) : null;
  const shared: SharedBasis[] = [];
  for (const group of groups) {
    throwIfAborted(signal);
    const members = group.map((candidate): Member => {
      const own = statistics?.get(candidate)?.[0] ?? null;
      const metric = own && (options.weighting === 'scaled' ? scaledMetric(own.metric) : own.metric);
      const problem = { weights: weightsOf(candidate)[0], metric };
      const means = own && candidate.operator.biasSlot ? [own.mean] : null;
      return { candidate, group: problem, groups: [problem], means, energy: energyOf(problem) };
    });
    const basis = commonBasis(members);
    shared.push({ members, basis, alternatives: rate(members, basis, options) });
    context.progress(shared.length, groups.length);
  }
  const before = shared.reduce((sum, { members }) => sum + parametersOf(members), 0);
  const share = parseShare(options.targetParams);
  const { items, cost } = allocate(
    shared.map(({ alternatives }) => alternatives),
    before * share,
  );
  record.metric('parameters before', before);
  record.metric('parameters after', cost);
  if (before > 0 && cost > before * (share + 0.01)) {
    const reached = ((100 * cost) / before).toFixed(1);
    record.metric('targetMissed', 1);
    record.warn(`Only ${reached} % was reached of ${(share * 100).toFixed(1)} %: more would be larger or slower`);
  }
  const chosen = shared.flatMap((one, index) => {
    const rank = items[index];
    if (rank !== null) return [{ ...one, rank }];
    const reason =
      one.alternatives.length === 1 ? 'a shared basis would multiply more' : 'others meet the budget at less cost';
    for (const { candidate } of one.members) record.skipped(candidate.operator.node, reason);
    return [];
  });
  await replaceMembers(model, chosen, options, context);
}

/** Directions of the inputs by how much of the members' outputs, relative to their energies, comes from them; rows descend. */
function commonBasis(members: readonly Member[]): Matrix {
  const inputs = members[0].group.weights.columns;
  const sum = createMatrix(inputs, inputs);
  let metric: Matrix | null = null;
  for (const { group } of members) {
    if (!group.metric) continue;
    metric ??= createMatrix(inputs, inputs);
    for (let i = 0; i < metric.data.length; i++) metric.data[i] += group.metric.data[i] / members.length;
  }
  const whitening = metric && dampedCholesky(metric, 1e-8);
  for (const { group, energy } of members) {
    // Wᵀ·W between L's on both sides.
    const seen = whitening ? multiplyTransposed(whitening.factor, transpose(group.weights)) : transpose(group.weights);
    const part = gramOfRows(seen);
    for (let i = 0; i < sum.data.length; i++) sum.data[i] += part.data[i] / Math.max(energy, Number.MIN_VALUE);
  }
  const { vectors } = symmetricEigen(sum);
  if (whitening) solveLowerTransposed(whitening.factor, vectors);
  return transpose(vectors);
}

function rate(members: readonly Member[], basis: Matrix, options: SharingOptions): Alternative<number | null>[] {
  const inputs = basis.columns;
  const outputs = members.reduce((sum, { group }) => sum + group.weights.rows, 0);
  const original = parametersOf(members);
  const distinct = new Set(members.map(({ candidate }) => candidate.operator.input)).size;
  const alternatives: Alternative<number | null>[] = [{ item: null, cost: original, damage: 0 }];
  for (const rank of rankSteps(inputs, options.rankMultiple, 16)) {
    const cost = rank * (inputs + outputs);
    const macs = rank * (inputs * distinct + outputs);
    if (cost >= original || (options.checkSpeed && macs >= original)) continue;
    let damage = 0;
    for (const { group, energy } of members) {
      const kept = energyOf(projectOnto(group, rowsOf(basis, 0, rank), 1));
      damage += Math.max(energy - kept, 0) / Math.max(energy, Number.MIN_VALUE);
    }
    alternatives.push({ item: rank, cost, damage });
  }
  return alternatives;
}

function parametersOf(members: readonly Member[]): number {
  return members.reduce((sum, { candidate }) => sum + candidate.parameters, 0);
}

interface Chosen extends SharedBasis {
  readonly rank: number;
}

/** In the order of the model, each fitted to the original where there are samples. */
async function replaceMembers(
  model: Model,
  chosen: readonly Chosen[],
  { refit }: SharingOptions,
  context: PassContext,
): Promise<void> {
  const inOrder = context.samples !== null && refit ? await Refit.start(model, context.samples, context) : null;
  const order = new Map([...model.graph.nodes()].map((node, index) => [node, index]));
  const work = chosen
    .flatMap((group) => group.members.map((member) => ({ group, member, node: member.candidate.operator.node })))
    .sort((a, b) => order.get(a.node)! - order.get(b.node)!);
  const weights = new Map<Chosen, Value>();
  for (let from = 0; from < work.length; ) {
    throwIfAborted(context.signal);
    const input = work[from].node.input(0);
    let to = from + 1;
    while (to < work.length && work[to].node.input(0) === input) to++;
    const part = work.slice(from, to);
    const operators = part.map(({ member }) => asItIsNow(member.candidate, model));
    const fits = part.map(({ member }, index) => ({
      operator: operators[index],
      shape: member.candidate.shape,
      weights: [member.group.weights],
    }));
    const fitted = inOrder ? await inOrder.fit(fits) : null;
    const outputs = new Map<Chosen, Value>();
    for (const [index, { group, member, node }] of part.entries()) {
      const { shape } = member.candidate;
      const first = rowsOf(group.basis, 0, group.rank);
      const target = fitted ? fitted[index].groups[0] : member.group;
      const second: Stage = { weights: [projectOnto(target, first, 1).weights], axes: [] };
      const stages: Stage[] = [{ weights: [first], axes: [] }, second];
      const means = fitted?.[index].means;
      const bias = means ? fittedBias(shape, stages, means) : movedBias(member, stages, operators[index], model);
      context.record.changed(node, `rank ${group.rank}, shared by ${group.members.length}`);
      const known = weights.get(group);
      const shared = known ? { weights: known, output: outputs.get(group) ?? null } : null;
      const output = emitFactors(model, operators[index], shape, shared ? [second] : stages, bias, shared);
      if (!known) weights.set(group, output.producer!.input(1)!);
      outputs.set(group, output);
    }
    context.progress(to, work.length);
    from = to;
  }
}
