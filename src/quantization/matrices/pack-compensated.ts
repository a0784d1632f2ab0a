// Packing one matrix with the second moments of its inputs (GPTQ), where nothing is known of what is in front of it.
import type { Workers } from '../../parallel/index.js';
import type { Tensor } from '../../tensor/index.js';
import { turned } from '../blocks/turned.js';
import type { PackedLayout, PackedParameters } from '../packed/pack-weight.js';
import type { PackedWidth } from '../packed/packed-multiplier.js';
import type { RoundingOptions } from './round-matrix.js';
import { roundWeight } from './round-weight.js';
import { packedFromRounded } from './store-rounded.js';

/** Scales, multipliers and integers of a matrix (`layout.outer` or `layout.inner` is 1), or the reason why it has none. @param gram Σxxᵀ [K, K]. */
export async function packCompensated(
  tensor: Tensor,
  { k, outer, inner, blockSize }: PackedLayout,
  gram: Float64Array,
  { bits, ...options }: RoundingOptions & { readonly bits: PackedWidth },
  workers: Workers,
  signal?: AbortSignal,
): Promise<PackedParameters | string> {
  const rows = inner === 1;
  const stored = tensor.readFloat32();
  const rounded = await roundWeight(
    {
      weights: rows ? turned(stored, k) : stored,
      n: rows ? outer : inner,
      form: { kind: 'packed', bits, blockSize },
      algorithms: ['gptq'],
      gram,
      shortfall: null,
      held: null,
      ...options,
    },
    workers,
    signal,
  );
  return typeof rounded === 'string' ? rounded : packedFromRounded(rounded.blocks, rounded.scale!, bits, rows);
}
