// The basis that several matrix products share, and what its ranks cost: the directions of their inputs that matter most to the outputs of all of them, and, where
// the outputs share a basis as well, full Tucker decomposition of the weights stacked as outputs × inputs × members, of which the members keep cores.
import {
  createMatrix,
  dampedCholesky,
  gramOfRows,
  type Matrix,
  multiplyByTransposed,
  multiplyTransposed,
  rowsOf,
  solveLowerTransposed,
  symmetricEigen,
  transpose,
} from '../../numeric/index.js';
import { rankSteps } from '../decompositions/family.js';
import { energiesOf, tailSums } from '../decompositions/output-basis.js';
import { energyOf, projectOnto, timesMetric, type WeightGroup } from '../decompositions/problem.js';
import type { Alternative } from '../ranks/allocate.js';
import type { Centred } from '../repair/bias.js';
import type { SharingOptions } from '../share-options.js';

/** A matrix product that shares. */
export interface Member extends Centred {
  readonly group: WeightGroup;
  readonly energy: number;
}

/** What the members of a group share. */
export interface SharedBasis {
  readonly members: readonly Member[];
  /** inputs × inputs; the first rows are the basis. */
  readonly basis: Matrix;
  readonly alternatives: readonly Alternative<SharedRanks | null>[];
}

export interface SharedRanks {
  readonly inputs: number;
  /** null: the outputs have no basis in common. */
  readonly outputs: number | null;
}

/** Output ranks that are tried with each input rank. */
const mostOutputRanks = 8;

export function shareBasis(members: readonly Member[], options: SharingOptions): SharedBasis {
  const basis = inputDirections(members);
  return { members, basis, alternatives: rate(members, basis, options) };
}

/** Directions of the inputs by how much of the members' outputs, relative to their energies, comes from them; rows descend. */
function inputDirections(members: readonly Member[]): Matrix {
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

function rate(members: readonly Member[], basis: Matrix, options: SharingOptions): Alternative<SharedRanks | null>[] {
  const inputs = basis.columns;
  const outputs = members.reduce((sum, { group }) => sum + group.weights.rows, 0);
  const original = parametersOf(members);
  const distinct = new Set(members.map(({ candidate }) => candidate.operator.input)).size;
  const alternatives: Alternative<SharedRanks | null>[] = [{ item: null, cost: original, damage: 0 }];
  const add = (ranks: SharedRanks, cost: number, macs: number, damage: number): void => {
    if (cost < original && !(options.checkSpeed && macs >= original)) alternatives.push({ item: ranks, cost, damage });
  };
  const [{ group: first }] = members;
  const height = first.weights.rows;
  const stacks = options.outputBasis && members.every(({ group }) => group.weights.rows === height);
  for (const rank of rankSteps(inputs, options.rankMultiple, 16)) {
    const reduced = reduce(members, rowsOf(basis, 0, rank));
    let damage = 0;
    for (const [index, { energy }] of members.entries()) {
      damage += Math.max(energy - energyOf(reduced[index]), 0) / Math.max(energy, Number.MIN_VALUE);
    }
    add({ inputs: rank, outputs: null }, rank * (inputs + outputs), rank * (inputs * distinct + outputs), damage);
    if (!stacks) continue;
    const tails = tailSums(energiesOf(outputGram(members, reduced)));
    const most = Math.min(height, rank * members.length);
    for (const outputRank of rankSteps(most, options.rankMultiple, mostOutputRanks)) {
      const core = rank * outputRank;
      add(
        { inputs: rank, outputs: outputRank },
        rank * inputs + members.length * core + outputRank * height,
        rank * inputs * distinct + members.length * (core + outputRank * height),
        damage + tails[outputRank],
      );
    }
  }
  return alternatives;
}

/** Bᵢ, the optimum of each member on the basis, with the metric of what the basis computes. */
function reduce(members: readonly Member[], first: Matrix): WeightGroup[] {
  return members.map(({ group }) => projectOnto(group, first, 1));
}

/** Σ Bᵢ·C·Bᵢᵀ relative to the members' energies. */
function outputGram(members: readonly Member[], reduced: readonly WeightGroup[]): Matrix {
  const { rows } = reduced[0].weights;
  const sum = createMatrix(rows, rows);
  for (const [index, { weights, metric }] of reduced.entries()) {
    const part = multiplyByTransposed(timesMetric(weights, metric), weights);
    const energy = Math.max(members[index].energy, Number.MIN_VALUE);
    for (let i = 0; i < sum.data.length; i++) sum.data[i] += part.data[i] / energy;
  }
  return sum;
}

/** The directions that the members' outputs share: outputs × rank, orthonormal columns. */
export function outputDirections({ members, basis }: SharedBasis, { inputs, outputs }: SharedRanks): Matrix | null {
  if (outputs === null) return null;
  const reduced = reduce(members, rowsOf(basis, 0, inputs));
  return symmetricEigen(outputGram(members, reduced), outputs).vectors;
}

export function parametersOf(members: readonly Member[]): number {
  return members.reduce((sum, { candidate }) => sum + candidate.parameters, 0);
}
