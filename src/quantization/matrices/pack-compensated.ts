// Packing one matrix with the second moments of its inputs (GPTQ), where nothing is known of what is in front of it.
import type { Workers } from '../../parallel/index.js';
import type { Tensor } from '../../tensor/index.js';
import { turned } from '../blocks/turned.js';
import type { PackedLayout, PackedParameters } from '../packed/pack-weight.js';
import type { PackedWidth } from '../packed/packed-multiplier.js';
import type { HeldOutInputs } from '../rounding/held-out-error.js';
import type { RoundingOptions } from './round-matrix.js';
import { type RoundedWeight, roundWeight } from './round-weight.js';
import { packedFromRounded } from './store-rounded.js';

export interface CompensatedPacking extends Pick<RoundedWeight, 'algorithm' | 'errors'> {
  readonly parameters: PackedParameters;
}

/**
 * Scales, multipliers and integers of a matrix (`layout.outer` or `layout.inner` is 1), or the reason why it has none: by GPTQ, or block by block where that
 * does better on inputs that were held out.
 * @param seen gram: Σxxᵀ [K, K]; held: inputs that were held out of it, null where there are none.
 */
export async function packCompensated(
  tensor: Tensor,
  { k, outer, inner, blockSize }: PackedLayout,
  { gram, held }: { readonly gram: Float64Array; readonly held: HeldOutInputs | null },
  { bits, ...options }: RoundingOptions & { readonly bits: PackedWidth },
  workers: Workers,
  signal?: AbortSignal,
): Promise<CompensatedPacking | string> {
  const rows = inner === 1;
  const stored = tensor.readFloat32();
  const rounded = await roundWeight(
    {
      weights: rows ? turned(stored, k) : stored,
      n: rows ? outer : inner,
      form: { kind: 'packed', bits, blockSize },
      algorithms: held ? ['mse-clip', 'gptq'] : ['gptq'],
      gram,
      shortfall: null,
      held,
      ...options,
    },
    workers,
    signal,
  );
  if (typeof rounded === 'string') return rounded;
  const { algorithm, errors, blocks, scale } = rounded;
  return { algorithm, errors, parameters: packedFromRounded(blocks, scale!, bits, rows) };
}
