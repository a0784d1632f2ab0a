// The choices and the factors of one operator, as work that a worker thread can do.
import { dampedCholesky, type Matrix, type SymmetricEigen, symmetricEigen } from '../../numeric/index.js';
import type { Task } from '../../parallel/index.js';
import type { Choice, Family, FamilyName, Stage } from './family.js';
import { lowRank } from './low-rank.js';
import { energiesOf } from './output-basis.js';
import type { OperatorShape, WeightGroup } from './problem.js';
import { spatial } from './spatial.js';
import { tucker } from './tucker.js';

export const families: Readonly<Record<FamilyName, Family>> = { 'low-rank': lowRank, tucker, spatial };

export interface Work {
  readonly family: FamilyName;
  readonly shape: OperatorShape;
  readonly groups: readonly WeightGroup[];
}

export const choicesTask: Task<Work & { readonly multiple: number }, readonly Choice[]> = {
  module: import.meta.url,
  exportName: 'choicesTask',
  run: ({ family, shape, groups, multiple }) => families[family].choices(shape, groups, multiple),
};

export const factorsTask: Task<Work & { readonly ranks: readonly number[] }, readonly Stage[]> = {
  module: import.meta.url,
  exportName: 'factorsTask',
  run: ({ family, shape, groups, ranks }) => families[family].factors(shape, groups, ranks),
};

export const noiseFreeRanksTask: Task<Work, readonly number[]> = {
  module: import.meta.url,
  exportName: 'noiseFreeRanksTask',
  run: ({ family, shape, groups }) => families[family].noiseFreeRanks(shape, groups),
};

/** Of a Gram matrix of outputs. */
export const energiesTask: Task<Matrix, Float64Array> = {
  module: import.meta.url,
  exportName: 'energiesTask',
  run: energiesOf,
};

export const eigenTask: Task<Matrix, SymmetricEigen> = {
  module: import.meta.url,
  exportName: 'eigenTask',
  run: (matrix) => symmetricEigen(matrix),
};

/** The Cholesky factor of a metric; null where it has no energy. */
export const choleskyTask: Task<Matrix, Matrix | null> = {
  module: import.meta.url,
  exportName: 'choleskyTask',
  run: (metric) => dampedCholesky(metric, 1e-10)?.factor ?? null,
};
