// The algorithms that round the weights of one matrix product, on typed arrays: without data, with what each input counts, with the second
// moments of all inputs.
import {
  type BlockCriterion,
  type BlockSearch,
  compensatedCriterion,
  momentsCriterion,
  searchCriteria,
  weightedCriterion,
} from '../blocks/block-criterion.js';
import type { BlockBits } from '../blocks/block-parameters.js';
import { vectorLength } from '../packed/codebook.js';
import type { PackedWidth } from '../packed/packed-multiplier.js';
import { type CompensationFactor, compensateErrors, factorMoments } from '../rounding/error-compensation.js';
import { columnScales, packedGrid, scaledGrid } from './block-grid.js';
import { CodebookRounding } from './codebook-rounding.js';
import { MatrixRounding } from './matrix-rounding.js';

/** How a matrix is stored. */
export type MatrixForm =
  | {
      readonly kind: 'packed';
      readonly bits: PackedWidth;
      readonly blockSize: number;
      /** Four neighbours along N share a byte (codebook.ts). */
      readonly codebook?: boolean;
    }
  | { readonly kind: 'blocks'; readonly bits: BlockBits; readonly blockSize: number; readonly symmetric: boolean };

/** Algorithms that want data. */
export type CalibratedRounding = 'imatrix' | 'scale-estimation' | 'awq' | 'gptq';
export type MatrixAlgorithm = Exclude<BlockSearch, 'rtn'> | CalibratedRounding;

export interface RoundingOptions {
  /** See `FactorOptions`. */
  readonly damping: number;
  readonly actOrder: boolean;
}

/** See `PackedParameters`. */
export interface VectorCodes {
  readonly codebook: Int8Array;
  readonly codes: Uint8Array;
}

export interface RoundedMatrix {
  readonly algorithm: MatrixAlgorithm;
  readonly rounding: MatrixRounding;
  /** Scale of each column of packed weights, whose multipliers are `rounding.multipliers`. */
  readonly scale: Float32Array | null;
  /** Where neighbours share a byte. */
  readonly vectors: VectorCodes | null;
}

/** What becomes of W [K, N] where each block takes the parameters of the least squared error. */
export function roundPlainly(weights: Float32Array, n: number, form: MatrixForm): Float32Array {
  const ofVectors = form.kind === 'packed' && form.codebook && n % vectorLength === 0;
  const how = form.kind === 'packed' ? { ...form, codebook: ofVectors } : form;
  const { rounding } = startRounding(weights, [weights.length / n, n], how, weightedCriterion(null));
  const grid = ofVectors ? new CodebookRounding(rounding, weights, n, form.blockSize, null) : rounding;
  grid.roundAll(weights);
  return rounding.decode();
}

function startRounding(
  weights: Float32Array,
  shape: readonly [number, number],
  form: MatrixForm,
  criterion: BlockCriterion,
): Pick<RoundedMatrix, 'rounding' | 'scale'> {
  if (form.kind === 'blocks') {
    const grid = scaledGrid(form.bits, form.symmetric);
    return { rounding: new MatrixRounding(shape, form.blockSize, grid, criterion), scale: null };
  }
  // Vectors are of integers of four bits.
  const bits = form.codebook ? 4 : form.bits;
  const scale = columnScales(weights, shape[1], bits);
  const grid = packedGrid(scale, bits);
  return { rounding: new MatrixRounding(shape, form.blockSize, grid, criterion), scale };
}

/** Longer blocks are not compensated for every candidate: what an error costs on average serves as well. */
const longestTrialBlock = 32;

/** Rounds matrices of one set of inputs; keeps the factor of its moments. */
export class MatrixRounder {
  private readonly options: RoundingOptions;
  private readonly gram: Float64Array;
  private readonly k: number;
  private readonly importance: Float64Array;
  private known: CompensationFactor | null | undefined;

  constructor(gram: Float64Array, k: number, options: RoundingOptions) {
    this.gram = gram;
    this.k = k;
    this.options = options;
    this.importance = Float64Array.from({ length: k }, (_, i) => gram[i * (k + 1)]);
  }

  /** Null where the moments do not allow it. */
  round(weights: Float32Array, n: number, form: MatrixForm, algorithm: MatrixAlgorithm): RoundedMatrix | null {
    const { k } = this;
    const { blockSize } = form;
    if (form.kind === 'packed' && form.codebook) return this.roundToVectors(weights, n, form, algorithm);
    const criterion = this.criterionOf(algorithm, blockSize);
    if (criterion === null) return null;
    const { rounding, scale } = startRounding(weights, [k, n], form, criterion);
    if (algorithm === 'gptq') compensateErrors(weights, n, rounding, this.factor!, blockSize);
    else rounding.roundAll(weights);
    return { algorithm, rounding, scale, vectors: null };
  }

  /** All algorithms but GPTQ differ in what a row counts alone. */
  private roundToVectors(
    weights: Float32Array,
    n: number,
    form: MatrixForm,
    algorithm: MatrixAlgorithm,
  ): RoundedMatrix | null {
    const { blockSize } = form;
    const factor = algorithm === 'gptq' ? this.factor : null;
    if (algorithm === 'gptq' && factor === null) return null;
    const withoutData = algorithm === 'mse-clip' || algorithm === 'hqq' || algorithm === 'k-quant';
    const importance = factor ? variancesByRow(factor) : withoutData ? null : this.importance;
    const { rounding, scale } = startRounding(weights, [this.k, n], form, weightedCriterion(importance));
    const vectors = new CodebookRounding(rounding, weights, n, blockSize, importance);
    if (factor) compensateErrors(weights, n, vectors, factor, blockSize);
    else vectors.roundAll(weights);
    const { codebook, codes } = vectors;
    return { algorithm, rounding, scale, vectors: { codebook, codes } };
  }

  private criterionOf(algorithm: MatrixAlgorithm, blockSize: number): BlockCriterion | null {
    switch (algorithm) {
      case 'mse-clip':
        return weightedCriterion(null);
      case 'hqq':
      case 'k-quant':
        return searchCriteria[algorithm];
      case 'imatrix':
        return weightedCriterion(this.importance);
      // With the moments of scaled inputs.
      case 'awq':
      case 'scale-estimation':
        return momentsCriterion(this.gram, this.k);
      case 'gptq': {
        const { factor } = this;
        if (factor === null) return null;
        if (blockSize <= longestTrialBlock && !this.options.actOrder) return compensatedCriterion(factor);
        return weightedCriterion(variancesByRow(factor));
      }
    }
  }

  /** Null where the moments cannot be factored. */
  get factor(): CompensationFactor | null {
    if (this.known === undefined) this.known = factorMoments(this.gram, this.k, this.options);
    return this.known;
  }
}

function variancesByRow({ order, variances }: CompensationFactor): Float64Array {
  const result = new Float64Array(order.length);
  for (const [index, row] of order.entries()) result[row] = variances[index];
  return result;
}
