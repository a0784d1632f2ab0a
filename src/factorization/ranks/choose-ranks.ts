// Which choice each operator gets, by the rule that the user gave; what would be larger or slower is left out.

import { families } from '../decompositions/factorize-task.js';
import type { Choice } from '../decompositions/family.js';
import type { RankRule } from '../options.js';
import { type Allocation, type Alternative, allocate } from './allocate.js';
import type { Candidate } from './candidates.js';

/** A candidate with what there is to choose from. */
export interface RatedCandidate {
  readonly candidate: Candidate;
  /** Those that are allowed. */
  readonly choices: readonly Choice[];
  /** Energy of its outputs: what errors are relative to. */
  readonly energy: number;
  /** To the model; comparable between operators. */
  readonly damageOf: (choice: Choice) => number;
  /** Where the rule asks for it. */
  readonly noiseFreeRanks: readonly number[] | null;
}

/** null: leave it as it is. */
export type Chosen = Choice | null;

export interface Budget {
  /** Bytes of all weights of the model, for the rule `size`. */
  readonly modelBytes: number;
  readonly mostDivergence: number | undefined;
}

export function chooseRanks(rated: readonly RatedCandidate[], rule: RankRule, budget: Budget): Chosen[] {
  if (rule.kind === 'params' || rule.kind === 'macs' || rule.kind === 'size') {
    return [...distribute(rated, rule.kind, rule.share, budget).items];
  }
  return rated.map((one) => chooseAlone(one, rule));
}

function distribute(
  rated: readonly RatedCandidate[],
  kind: 'params' | 'macs' | 'size',
  share: number,
  { modelBytes, mostDivergence }: Budget,
): Allocation<Chosen> {
  const costOf = ({ parameters, macs }: { readonly parameters: number; readonly macs: number }): number =>
    kind === 'macs' ? macs : parameters;
  const curves = rated.map(({ candidate, choices, damageOf }): Alternative<Chosen>[] => [
    { item: null, cost: costOf(candidate), damage: 0 },
    ...choices.map((choice) => ({ item: choice, cost: costOf(choice), damage: damageOf(choice) })),
  ]);
  const all = rated.reduce((sum, { candidate }) => sum + costOf(candidate), 0);
  // What the bytes of the whole model must lose, these parameters lose.
  const most = kind === 'size' ? all - (modelBytes * (1 - share)) / bytesOfParameter(rated) : all * share;
  return allocate(curves, most, mostDivergence);
}

export function bytesOfParameter(rated: readonly RatedCandidate[]): number {
  return rated[0]?.candidate.operator.weight.dataType === 'float16' ? 2 : 4;
}

function chooseAlone({ candidate, choices, energy, noiseFreeRanks }: RatedCandidate, rule: RankRule): Chosen {
  const full = families[candidate.families[0]].fullRanks(candidate.shape);
  switch (rule.kind) {
    case 'energy':
      return cheapest(choices.filter(({ error }) => error <= (1 - rule.share) * energy));
    case 'ratio':
      return mostExact(choices.filter(({ parameters }) => parameters <= rule.share * candidate.parameters));
    case 'fixed':
      return atRanks(
        choices,
        full.map((most) => Math.min(most, rule.rank)),
      );
    case 'vbmf':
      return atRanks(choices, noiseFreeRanks ?? []);
    case 'full':
      return atRanks(choices, full);
    default:
      return null;
  }
}

function cheapest(choices: readonly Choice[]): Chosen {
  return choices.reduce<Chosen>((best, one) => (best && best.parameters <= one.parameters ? best : one), null);
}

function mostExact(choices: readonly Choice[]): Chosen {
  return choices.reduce<Chosen>((best, one) => (best && best.error <= one.error ? best : one), null);
}

/** The cheapest whose ranks are at least these. */
function atRanks(choices: readonly Choice[], ranks: readonly number[]): Chosen {
  return cheapest(choices.filter((choice) => ranks.every((rank, mode) => choice.ranks[mode] >= rank)));
}
