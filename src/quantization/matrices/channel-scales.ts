// AWQ (Lin et al., 2023): inputs that are large are divided by a scale, and the weights they meet multiplied by it, so that what matters most is
// rounded finest. Scales are powers of the inputs' magnitude; the power is searched, and with each the range of every block.
import { matrixFrom, multiplyByTransposed } from '../../numeric/index.js';
import type { Task } from '../../parallel/index.js';
import { turned } from '../blocks/turned.js';
import { type MatrixForm, MatrixRounder } from './round-matrix.js';

/** Matrices that share their inputs, and Σxxᵀ [K, K] of these. */
export interface ScaledGroup {
  readonly matrices: readonly {
    /** W [K, N]: some output channels are enough. */
    readonly weights: Float32Array;
    readonly n: number;
    readonly form: MatrixForm;
  }[];
  readonly gram: Float64Array;
}

const exponents = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1] as const;

export const searchChannelScalesTask: Task<ScaledGroup, Float32Array | null> = {
  module: import.meta.url,
  exportName: 'searchChannelScalesTask',
  run: searchChannelScales,
};

/** The scales s [K] by which W[k, n] is multiplied and x[k] divided, that leave the least error of outputs; null where no scales leave less. */
export function searchChannelScales({ matrices, gram }: ScaledGroup): Float32Array | null {
  const k = Math.sqrt(gram.length);
  const magnitudes = Float64Array.from({ length: k }, (_, i) => Math.sqrt(gram[i * (k + 1)]));
  let best: Float32Array | null = null;
  let least = errorWith(new Float32Array(k).fill(1), matrices, gram, k);
  for (const exponent of exponents) {
    const scales = normalized(magnitudes.map((magnitude) => magnitude ** exponent));
    const error = errorWith(scales, matrices, gram, k);
    if (error < least) {
      least = error;
      best = scales;
    }
  }
  return best;
}

/** With the geometric middle of the extremes at 1; nothing is smaller than 1e-4 of the largest. */
function normalized(scales: Float64Array): Float32Array {
  const largest = scales.reduce((a, b) => Math.max(a, b), 0);
  const kept = scales.map((scale) => Math.max(scale, 1e-4 * largest));
  const middle = Math.sqrt(largest * kept.reduce((a, b) => Math.min(a, b), largest));
  return Float32Array.from(kept, (scale) => scale / middle || 1);
}

/** Shares of the outputs' power that the matrices lose, added. */
function errorWith(scales: Float32Array, matrices: ScaledGroup['matrices'], gram: Float64Array, k: number): number {
  const rounder = scaledRounder(gram, scales);
  let sum = 0;
  for (const { weights, n, form } of matrices) {
    const decoded = rounder.round(scaleRows(weights, scales), n, form, 'scale-estimation')!.rounding.decode();
    const restored = scaleRows(
      decoded,
      scales.map((scale) => 1 / scale),
    );
    const errors = weights.map((weight, i) => weight - restored[i]);
    sum += powerOf(errors, n, gram, k) / (powerOf(weights, n, gram, k) || 1);
  }
  return sum;
}

/** For weights that are multiplied by `scales`, whose inputs are divided by them. */
export function scaledRounder(gram: Float64Array, scales: Float32Array): MatrixRounder {
  const k = scales.length;
  const scaled = gram.slice();
  for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) scaled[i * k + j] /= scales[i] * scales[j];
  return new MatrixRounder(scaled, k, { damping: 0, actOrder: false });
}

/** Row k of `weights` [K, N] times scales[k]. */
export function scaleRows(weights: Float32Array, scales: Float32Array): Float32Array {
  const n = weights.length / scales.length;
  return weights.map((weight, i) => weight * scales[Math.floor(i / n)]);
}

/** Σ over columns w of wᵀ·G·w. */
function powerOf(weights: Float32Array, n: number, gram: Float64Array, k: number): number {
  const rows = matrixFrom(n, k, turned(weights, n));
  const products = multiplyByTransposed(rows, { rows: k, columns: k, data: gram });
  return rows.data.reduce((sum, value, i) => sum + value * products.data[i], 0);
}
