// ONNX Transpose. The input is read in order, as often as the output has bands: memory holds one band, whatever the size.

import { chunkLength } from '../chunk-length.js';
import { bitsPerElement, type DataType } from '../data-type.js';
import { ComputedTensor, type Tensor, type TensorKernel } from '../tensor.js';
import { mergeAxes } from './merge-axes.js';
import { type ScatterPlan, scatter } from './scatter.js';

/** Most bytes of the output that are put together at a time. */
const bandLength = 128 << 20;

export interface TransposeParameters {
  /** Axis `i` of the output is axis `permutation[i]` of the input. */
  readonly permutation: readonly number[];
}

/** Whether elements of this type lie on byte boundaries. */
export function canTranspose(dataType: DataType): boolean {
  return bitsPerElement(dataType) >= 8;
}

export const transposeKernel: TensorKernel<TransposeParameters> = {
  module: import.meta.url,
  exportName: 'transposeKernel',
  *chunks([input], { permutation }, output) {
    const merged = mergeAxes(input.shape, permutation);
    const plan: ScatterPlan = { ...merged, width: bitsPerElement(input.dataType) / 8 };
    const band = new Uint8Array(Math.min(bandLength, output.byteLength));
    for (let start = 0; start < output.byteLength; start += band.length) {
      const length = Math.min(band.length, output.byteLength - start);
      let position = 0;
      for (const chunk of input.chunks()) {
        scatter(plan, chunk, position / plan.width, band.subarray(0, length), start / plan.width);
        position += chunk.length;
      }
      for (let at = 0; at < length; at += chunkLength) yield band.subarray(at, Math.min(at + chunkLength, length));
    }
  },
};

/** `tensor` with its axes in the order of `permutation`; see `canTranspose`. */
export function transposeTensor(tensor: Tensor, permutation: readonly number[]): Tensor {
  const shape = permutation.map((axis) => tensor.shape[axis]);
  return new ComputedTensor(tensor.dataType, shape, transposeKernel, [tensor], { permutation });
}
