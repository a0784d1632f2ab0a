// Weights multiplied by one factor per channel, computed when they are read.
import { float32ToFloat16Array } from '../../src/numeric/index.js';
import { ComputedTensor, castTensor, type Tensor, type TensorKernel, typedArrayOf } from '../../src/tensor/index.js';

interface Parameters {
  /** One factor for each channel. */
  readonly factor: Float64Array;
  /** The channel of element i is channelOfRow[⌊i / inner⌋]. */
  readonly channelOfRow: Int32Array;
  readonly inner: number;
}

export const scaleChannelsKernel: TensorKernel<Parameters> = {
  module: import.meta.url,
  exportName: 'scaleChannelsKernel',
  *chunks([weights], { factor, channelOfRow, inner }) {
    let element = 0;
    for (const chunk of castTensor(weights, 'float32').chunks()) {
      const values = typedArrayOf('float32', chunk);
      const output = new Float32Array(values.length);
      for (let index = 0; index < output.length; index++) {
        output[index] = Number(values[index]) * factor[channelOfRow[Math.floor((element + index) / inner)]];
      }
      element += output.length;
      const stored = weights.dataType === 'float16' ? float32ToFloat16Array(output) : output;
      yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    }
  },
};

/** float32 or float16 `weights` of shape [a, b, inner…], each row (element of the first two axes) multiplied by factor[channelOf(row)]. */
export function scaleChannels(weights: Tensor, factor: Float64Array, channelOf: (row: number) => number): Tensor {
  const rows = weights.shape[0] * weights.shape[1];
  const channelOfRow = Int32Array.from({ length: rows }, (_, row) => channelOf(row));
  const inner = rows === 0 ? 1 : weights.size / rows;
  return new ComputedTensor(weights.dataType, weights.shape, scaleChannelsKernel, [weights], {
    factor,
    channelOfRow,
    inner,
  });
}
