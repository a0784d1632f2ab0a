// The integers of a quantized weight, computed from the float tensor when they are read: mostly once, while the file is written.
import { internalError } from '../errors.js';
import { ComputedTensor, chunkLength, type Tensor, type TensorKernel } from '../tensor/index.js';
import type { QuantizationParameters } from './parameters.js';
import { createQuantizedArray, quantizeRange } from './quantize-linear.js';
import type { QuantizationLayout } from './scheme-layout.js';
import { float32Pieces } from './weight-pieces.js';

/** Each weight to its nearest integer, or so that the errors cancel out within each channel (see compensated-rounding.ts). */
export type WeightRounding = 'nearest' | 'compensated';

interface QuantizeWeightParameters {
  readonly layout: QuantizationLayout;
  readonly quantization: QuantizationParameters;
}

/** Eight-bit QuantizeLinear, elements in the order of the source. */
export const quantizeWeightKernel: TensorKernel<QuantizeWeightParameters> = {
  module: import.meta.url,
  exportName: 'quantizeWeightKernel',
  *chunks([source], { layout, quantization }) {
    let output = createQuantizedArray(quantization.dataType, 0);
    for (const { first, values } of float32Pieces(source, layout.inner === 1 ? layout.channels : 1)) {
      if (output.length < values.length) output = createQuantizedArray(quantization.dataType, values.length);
      quantizeRange(values, first, layout, quantization, output);
      yield new Uint8Array(output.buffer, 0, values.length);
    }
  },
};

/** As `quantizeWeightKernel`, with the last two axes exchanged. Memory: the quantized tensor. */
export const quantizeTransposedKernel: TensorKernel<QuantizeWeightParameters> = {
  module: import.meta.url,
  exportName: 'quantizeTransposedKernel',
  *chunks(inputs, parameters, output) {
    const [rows, columns] = output.shape.slice(-2);
    const plane = rows * columns;
    const quantized = new Uint8Array(output.size);
    let position = 0;
    for (const chunk of quantizeWeightKernel.chunks(inputs, parameters, output)) {
      quantized.set(chunk, position);
      position += chunk.length;
    }
    const rowsPerChunk = Math.max(1, Math.floor(chunkLength / Math.max(columns, 1)));
    for (let start = 0; start < output.size; start += plane) {
      for (let row = 0; row < rows; row += rowsPerChunk) {
        const count = Math.min(rowsPerChunk, rows - row);
        yield transposeRows(quantized.subarray(start, start + plane), rows, columns, row, count);
      }
    }
  },
};

/** Rows [first, first + count) of the transpose of `source`, which holds [columns, rows]; in tiles, to stay within the cache. */
function transposeRows(source: Uint8Array, rows: number, columns: number, first: number, count: number): Uint8Array {
  const target = new Uint8Array(count * columns);
  const tile = 64;
  for (let column = 0; column < columns; column += tile) {
    const columnEnd = Math.min(column + tile, columns);
    for (let row = 0; row < count; row += tile) {
      const rowEnd = Math.min(row + tile, count);
      for (let c = column; c < columnEnd; c++) {
        const from = c * rows + first;
        for (let r = row; r < rowEnd; r++) target[r * columns + c] = source[from + r];
      }
    }
  }
  return target;
}

/**
 * The quantized form of `source`, whose elements `layout` describes.
 * @param shape of the result, where it differs from the source's: with `transposed`, its last two axes are exchanged.
 */
export function quantizedTensor(
  source: Tensor,
  layout: QuantizationLayout,
  quantization: QuantizationParameters,
  { transposed = false }: { transposed?: boolean; rounding?: WeightRounding } = {},
): Tensor {
  const { dataType } = quantization;
  if (dataType !== 'int8' && dataType !== 'uint8') throw internalError(`Weights of ${dataType} are packed elsewhere`);
  const shape = transposed ? [...source.shape.slice(0, -2), ...source.shape.slice(-2).reverse()] : source.shape;
  const kernel = transposed ? quantizeTransposedKernel : quantizeWeightKernel;
  return new ComputedTensor(dataType, shape, kernel, [source], { layout, quantization });
}
