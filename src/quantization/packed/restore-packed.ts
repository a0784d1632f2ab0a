// What a packed weight stands for: integer × multiplier of its block × scale of its channel.
import { unpackSigned } from '../../numeric/index.js';
import { float32Tensor, type Tensor } from '../../tensor/index.js';
import { type PackedLayout, type PackedParameters, packedMultipliers } from './pack-weight.js';
import { readIntegers } from './packed-tables.js';

/** Of widths with integers of their own (no codebook), in the shape of the source. */
export function restorePacked(source: Tensor, layout: PackedLayout, parameters: PackedParameters): Tensor {
  const { outer, k, inner, blockSize } = layout;
  const integers = readIntegers(source, layout, parameters);
  const blocks = k / blockSize;
  const multipliers = unpackSigned(packedMultipliers(source, layout, parameters), 4, outer * blocks * inner);
  const restored = Float32Array.from(integers, (integer, at) => {
    const within = at % inner;
    const row = Math.floor(at / inner);
    const part = Math.floor(row / k);
    const block = part * blocks + Math.floor((row % k) / blockSize);
    return integer * multipliers[block * inner + within] * parameters.scale[part * inner + within];
  });
  return float32Tensor(source.shape, restored);
}
