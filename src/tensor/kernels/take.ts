// Some coordinates of some axes of a tensor (ONNX Gather with constant indices, on several axes at once).
import { chunkLength } from '../chunk-length.js';
import { bitsPerElement, sizeOf } from '../data-type.js';
import { ComputedTensor, type Tensor, type TensorKernel } from '../tensor.js';

export interface TakeParameters {
  /** For every axis the coordinates that are taken, in order; null for all. */
  readonly coordinates: readonly (readonly number[] | null)[];
}

export const takeKernel: TensorKernel<TakeParameters> = {
  module: import.meta.url,
  exportName: 'takeKernel',
  *chunks([input], { coordinates }, output) {
    const { shape } = input;
    // Axes that stay whole at the end are copied as runs.
    let inner = shape.length;
    while (inner > 0 && coordinates[inner - 1] === null) inner--;
    const run = (sizeOf(shape.slice(inner)) * bitsPerElement(input.dataType)) / 8;
    const source = input.bytes();
    const strides = shape.slice(0, inner).map((_, axis) => sizeOf(shape.slice(axis + 1, inner)));
    const runs = sizeOf(output.shape.slice(0, inner));
    const place = new Array<number>(inner).fill(0);
    const perPiece = Math.max(Math.floor(chunkLength / Math.max(run, 1)), 1);
    for (let start = 0; start < runs; start += perPiece) {
      const count = Math.min(perPiece, runs - start);
      const piece = new Uint8Array(count * run);
      for (let index = 0; index < count; index++) {
        let from = 0;
        for (let axis = 0; axis < inner; axis++)
          from += (coordinates[axis]?.[place[axis]] ?? place[axis]) * strides[axis];
        piece.set(source.subarray(from * run, (from + 1) * run), index * run);
        for (let axis = inner - 1; axis >= 0 && ++place[axis] === output.shape[axis]; axis--) place[axis] = 0;
      }
      yield piece;
    }
  },
};

/** `tensor`, of elements that lie on byte boundaries, without the coordinates that are not listed. */
export function takeTensor(tensor: Tensor, coordinates: TakeParameters['coordinates']): Tensor {
  const shape = tensor.shape.map((length, axis) => coordinates[axis]?.length ?? length);
  return new ComputedTensor(tensor.dataType, shape, takeKernel, [tensor], { coordinates });
}
