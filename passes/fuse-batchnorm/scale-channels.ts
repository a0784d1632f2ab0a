// Weights multiplied by one factor per channel, computed when they are read.
import { float32ToFloat16Array } from '../../src/numeric/index.js';
import { ComputedTensor, type Tensor, type TensorKernel, typedArrayOf } from '../../src/tensor/index.js';

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
    for (const chunk of pieces(weights)) {
      const output = new Float32Array(chunk.length);
      for (let index = 0; index < chunk.length; index++) {
        output[index] = chunk[index] * factor[channelOfRow[Math.floor((element + index) / inner)]];
      }
      element += chunk.length;
      const stored = weights.dataType === 'float16' ? float32ToFloat16Array(output) : output;
      yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    }
  },
};

function* pieces(weights: Tensor): Iterable<Float32Array> {
  if (weights.dataType !== 'float32') yield weights.readFloat32();
  else for (const chunk of weights.chunks()) yield typedArrayOf('float32', chunk) as Float32Array;
}

/** `weights` of shape [rows…, inner…] with row r multiplied by factor[channelOf(r)]; rows are the first `rowAxes` axes. */
export function scaleChannels(
  weights: Tensor,
  factor: Float64Array,
  rowAxes: number,
  channelOf: (row: number) => number,
): Tensor {
  const rows = weights.shape.slice(0, rowAxes).reduce((product, dim) => product * dim, 1);
  const channelOfRow = Int32Array.from({ length: rows }, (_, row) => channelOf(row));
  return new ComputedTensor(weights.dataType, weights.shape, scaleChannelsKernel, [weights], {
    factor,
    channelOfRow,
    inner: rows === 0 ? 1 : weights.size / rows,
  });
}
