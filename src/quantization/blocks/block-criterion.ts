// What an error of rounding costs: the measures by which the step of a block is chosen. Each weight w becomes level · step, the level an
// integer of a range.
import { type CompensationFactor, unitInverse } from '../rounding/error-compensation.js';

/** Values of one column: `count` from `start` on, the first of which lies in row `first` of the matrix. */
export interface ColumnBlock {
  readonly values: Float32Array;
  readonly start: number;
  readonly count: number;
  readonly first: number;
}

export interface BlockCriterion {
  /** Cost of rounding the block to multiples of `step`, with levels in [lowest, highest]. */
  cost(block: ColumnBlock, step: number, lowest: number, highest: number): number;
  /** The step that costs least while levels stay as they are for `step`; null where the criterion knows none. */
  betterStep(block: ColumnBlock, step: number, lowest: number, highest: number): number | null;
}

/**
 * How parameters of blocks are chosen without data: so that nothing is cut off (rtn), or by the least squared error (mse-clip), the least
 * error in the sparse norm of HQQ, or the one weighted by magnitudes of k-quants.
 */
export type BlockSearch = 'rtn' | 'mse-clip' | 'hqq' | 'k-quant';

/** 1.5 · 2^52: a double's sum with it, minus it, is rounded half to even. */
const ROUNDER = 6755399441055744;

export function levelOf(value: number, reciprocal: number, lowest: number, highest: number): number {
  const level = value * reciprocal + ROUNDER - ROUNDER;
  return level < lowest ? lowest : level > highest ? highest : level;
}

/** Σ h·e²: h is what each row of the matrix counts, as its inputs' second moment (imatrix); all count alike without. */
export function weightedCriterion(importance: ArrayLike<number> | null): BlockCriterion {
  return {
    cost({ values, start, count, first }, step, lowest, highest) {
      const reciprocal = 1 / step;
      let sum = 0;
      for (let i = 0; i < count; i++) {
        const x = values[start + i] * reciprocal;
        const error = x - levelOf(x, 1, lowest, highest);
        sum += importance ? importance[first + i] * error * error : error * error;
      }
      return sum * step * step;
    },
    betterStep({ values, start, count, first }, step, lowest, highest) {
      const reciprocal = 1 / step;
      let both = 0;
      let squares = 0;
      for (let i = 0; i < count; i++) {
        const level = levelOf(values[start + i], reciprocal, lowest, highest);
        const weight = importance ? importance[first + i] : 1;
        both += weight * level * values[start + i];
        squares += weight * level * level;
      }
      return squares > 0 ? both / squares : null;
    },
  };
}

/** Weights of k-quants (llama.cpp, make_qkx2_quants): large values count more, by their magnitude over that of the block. */
export const magnitudeCriterion: BlockCriterion = {
  cost: (block, step, lowest, highest) =>
    weightedCriterion(magnitudes(block)).cost(atZero(block), step, lowest, highest),
  betterStep: (block, step, lowest, highest) =>
    weightedCriterion(magnitudes(block)).betterStep(atZero(block), step, lowest, highest),
};

function magnitudes({ values, start, count }: ColumnBlock): Float64Array {
  let squares = 0;
  for (let i = start; i < start + count; i++) squares += values[i] * values[i];
  const average = Math.sqrt(squares / count);
  const weights = new Float64Array(count);
  for (let i = 0; i < count; i++) weights[i] = average + Math.abs(values[start + i]);
  return weights;
}

function atZero(block: ColumnBlock): ColumnBlock {
  return { ...block, first: 0 };
}

/** Exponent of the norm, growth of the penalty and number of steps of HQQ's solver, as its authors set them. */
const norm = 0.7;
const growth = 1.01;
const halfSteps = 20;

/** Σ|e|^0.7 (HQQ, Badri & Shaji 2023): few large errors in return for many small ones; steps by half-quadratic splitting. */
export const sparseCriterion: BlockCriterion = {
  cost({ values, start, count }, step, lowest, highest) {
    const reciprocal = 1 / step;
    let sum = 0;
    for (let i = start; i < start + count; i++) {
      sum += Math.abs(values[i] - step * levelOf(values[i], reciprocal, lowest, highest)) ** norm;
    }
    return sum;
  },
  betterStep({ values, start, count }, step, lowest, highest) {
    let penalty = 10 / Math.abs(step);
    let current = step;
    for (let iteration = 0; iteration < halfSteps; iteration++, penalty *= growth) {
      const reciprocal = 1 / current;
      let both = 0;
      let squares = 0;
      for (let i = start; i < start + count; i++) {
        const level = levelOf(values[i], reciprocal, lowest, highest);
        const error = values[i] - current * level;
        // What of the error is taken as an outlier, and left out: the proximal operator of |·|^p.
        const kept = Math.max(Math.abs(error) - (Math.abs(error) + 1e-30) ** (norm - 1) / penalty ** (2 - norm), 0);
        both += level * (values[i] - Math.sign(error) * kept);
        squares += level * level;
      }
      if (squares === 0) return null;
      const next = both / squares;
      if (Math.abs(next - current) <= 1e-7 * Math.abs(current)) break;
      current = next;
    }
    return current;
  },
};

/** eᵀ·G·e with the second moments of the inputs of the block (scale estimation, NNCF): what the block adds to the squared error of outputs. */
export function momentsCriterion(gram: Float64Array, k: number): BlockCriterion {
  let errors = new Float64Array(0);
  return {
    cost({ values, start, count, first }, step, lowest, highest) {
      if (errors.length < count) errors = new Float64Array(count);
      const reciprocal = 1 / step;
      let total = 0;
      for (let i = 0; i < count; i++) {
        const x = values[start + i] * reciprocal;
        errors[i] = x - levelOf(x, 1, lowest, highest);
        const row = (first + i) * k + first;
        let others = 0;
        for (let j = 0; j < i; j++) others += gram[row + j] * errors[j];
        total += errors[i] * (2 * others + gram[row + i] * errors[i]);
      }
      return total * step * step;
    },
    betterStep({ values, start, count, first }, step, lowest, highest) {
      const reciprocal = 1 / step;
      const levels = new Float64Array(count);
      for (let i = 0; i < count; i++) levels[i] = levelOf(values[start + i], reciprocal, lowest, highest);
      let both = 0;
      let squares = 0;
      for (let i = 0; i < count; i++) {
        const row = (first + i) * k + first;
        let product = 0;
        for (let j = 0; j < count; j++) product += gram[row + j] * levels[j];
        both += product * values[start + i];
        squares += product * levels[i];
      }
      return squares > 0 ? both / squares : null;
    },
  };
}

/**
 * What a block costs when its errors are made up for within the block and by all rows behind it: each error that compensation leaves, squared,
 * times what it then costs. For rows in their own order.
 */
export function compensatedCriterion({ shares, variances, k }: CompensationFactor): BlockCriterion {
  let wanted = new Float64Array(0);
  let inverse: Float64Array = wanted;
  let known = -1;
  return {
    cost({ values, start, count, first }, step, lowest, highest) {
      if (known !== first || wanted.length !== count) {
        wanted = new Float64Array(count);
        inverse = unitInverse(shares, k, first, count);
        known = first;
      }
      const reciprocal = 1 / step;
      for (let i = 0; i < count; i++) wanted[i] = values[start + i] * reciprocal;
      let total = 0;
      for (let i = 0; i < count; i++) {
        const error = wanted[i] - levelOf(wanted[i], 1, lowest, highest);
        total += error * error * variances[first + i];
        for (let j = i + 1; j < count; j++) wanted[j] -= error * inverse[j * count + i];
      }
      return total * step * step;
    },
    betterStep: () => null,
  };
}

/** The criteria of searches that weigh errors. */
export const searchCriteria: Readonly<Record<'hqq' | 'k-quant', BlockCriterion>> = {
  hqq: sparseCriterion,
  'k-quant': magnitudeCriterion,
};
