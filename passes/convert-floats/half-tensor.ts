// Float32 tensors as float16 or bfloat16, kept finite and away from zero where the narrow range would lose that: constants such as the
// epsilon of a normalization (1e-12) or the mask of an attention (-3e38).
import { float32ToBfloat16Array, float32ToFloat16Array } from '../../src/numeric/index.js';
import {
  ComputedTensor,
  castTensor,
  chunkLength,
  type Tensor,
  type TensorKernel,
  typedArrayOf,
} from '../../src/tensor/index.js';

export type HalfType = 'float16' | 'bfloat16';

/** Largest finite float16. */
export const largestHalf = 65504;
/** Smallest positive float16. */
const smallestHalf = 2 ** -24;
/** What only a mask holds. */
const maskMagnitude = 1e30;

export const halfKernel: TensorKernel<null> = {
  module: import.meta.url,
  exportName: 'halfKernel',
  *chunks([input], _parameters, output) {
    for (const chunk of input.chunks()) {
      for (let from = 0; from < chunk.length; from += chunkLength) {
        const values = Float32Array.from(
          typedArrayOf('float32', chunk.subarray(from, from + chunkLength)) as Float32Array,
        );
        const bits = new Uint16Array(values.length);
        if (output.dataType === 'float16') {
          for (let i = 0; i < values.length; i++) values[i] = withinHalf(values[i]);
          float32ToFloat16Array(values, bits);
        } else float32ToBfloat16Array(values, bits);
        yield new Uint8Array(bits.buffer);
      }
    }
  },
};

/** Infinities, NaN and zeros stay. */
function withinHalf(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude === 0 || magnitude === Number.POSITIVE_INFINITY) return value;
  if (magnitude > largestHalf) return Math.sign(value) * largestHalf;
  return magnitude < smallestHalf ? Math.sign(value) * smallestHalf : value;
}

/** `tensor`, of float32, as `type`. */
export function halfTensor(tensor: Tensor, type: HalfType): Tensor {
  if (tensor.dataType !== 'float32') return castTensor(tensor, type);
  return new ComputedTensor(type, tensor.shape, halfKernel, [tensor], null);
}

/** Whether float16 holds the finite values between these extremes, a mask cut off; bfloat16 holds all. */
export function fitsHalf(minimum: number, maximum: number, type: HalfType): boolean {
  if (type === 'bfloat16') return true;
  const fits = (magnitude: number): boolean => magnitude <= largestHalf || magnitude >= maskMagnitude;
  return fits(Math.max(-minimum, 0)) && fits(Math.max(maximum, 0));
}
