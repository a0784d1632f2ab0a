// One basis for several matrix products: Wᵢ ≈ Bᵢ·A with the same A [rank × inputs] for all members of a group, which are products of the same input
// (query, key and value) and those of the same role in neighbouring blocks (Basis Sharing, Wang et al. 2024). A is stored once, and computed once
// where members have the same input. With real inputs A is whitened by the covariance of them all, and each Bᵢ is the optimum for its own.
import { throwIfAborted, usageError } from '../../errors.js';
import type { Model, Value } from '../../ir/index.js';
import { type Matrix, multiplyTransposed, rowsOf } from '../../numeric/index.js';
import { type PassContext, parseShare } from '../../pass/index.js';
import type { Stage } from '../decompositions/family.js';
import { energyOf, projectOnto } from '../decompositions/problem.js';
import { allocate } from '../ranks/allocate.js';
import { asItIsNow, findCandidates, weightsOf } from '../ranks/candidates.js';
import { fittedBias, movedBias } from '../repair/bias.js';
import { observeInputs, scaledMetric } from '../repair/moments.js';
import { Refit } from '../repair/refit.js';
import { emitFactors } from '../rewriting/emit.js';
import type { SharingOptions } from '../share-options.js';
import { shareGroups } from './share-groups.js';
import {
  type Member,
  outputDirections,
  parametersOf,
  type SharedBasis,
  type SharedRanks,
  shareBasis,
} from './shared-basis.js';

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
    shared.push(shareBasis(members, options));
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
    const ranks = items[index];
    if (ranks !== null) return [{ ...one, ranks, outputs: outputDirections(one, ranks) }];
    const reason =
      one.alternatives.length === 1 ? 'a shared basis would multiply more' : 'others meet the budget at less cost';
    for (const { candidate } of one.members) record.skipped(candidate.operator.node, reason);
    return [];
  });
  await replaceMembers(model, chosen, options, context);
}

interface Chosen extends SharedBasis {
  readonly ranks: SharedRanks;
  /** outputs × rank: the basis of the outputs; null where there is none. */
  readonly outputs: Matrix | null;
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
  const known = new Map<Chosen, { readonly first: Value; readonly last: Value | null }>();
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
    const firstOutputs = new Map<Chosen, Value>();
    for (const [index, { group, member, node }] of part.entries()) {
      const { shape } = member.candidate;
      const first = rowsOf(group.basis, 0, group.ranks.inputs);
      const target = fitted ? fitted[index].groups[0] : member.group;
      const coefficients = projectOnto(target, first, 1).weights;
      const behind = group.outputs ? [multiplyTransposed(group.outputs, coefficients), group.outputs] : [coefficients];
      const stages: Stage[] = [first, ...behind].map((weights) => ({ weights: [weights], axes: [] }));
      const means = fitted?.[index].means;
      const bias = means ? fittedBias(shape, stages, means) : movedBias(member, stages, operators[index], model);
      const ranks = [group.ranks.inputs, ...(group.outputs ? [group.outputs.columns] : [])];
      context.record.changed(node, `rank ${ranks.join(', ')}, shared by ${group.members.length}`);
      const before = known.get(group);
      const shared = before ? { ...before, firstOutput: firstOutputs.get(group) ?? null } : null;
      const emitted = emitFactors(model, operators[index], shape, shared ? stages.slice(1) : stages, bias, shared);
      const { firstOutput, lastWeights } = emitted;
      if (!before) {
        known.set(group, { first: firstOutput.producer!.input(1)!, last: group.outputs ? lastWeights : null });
      }
      firstOutputs.set(group, firstOutput);
    }
    context.progress(to, work.length);
    from = to;
  }
}
