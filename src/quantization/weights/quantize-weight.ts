// The integers of a quantized weight, computed from the float tensor when they are read: mostly once, while the file is written.
import { internalError } from '../../errors.js';
import { ComputedTensor, chunkLength, type Tensor, type TensorKernel } from '../../tensor/index.js';
import type { QuantizationParameters } from '../parameters/parameters.js';
import { createQuantizedArray, quantizeRange } from '../parameters/quantize-linear.js';
import type { QuantizationLayout } from '../parameters/scheme-layout.js';
import { float32Pieces } from '../parameters/weight-pieces.js';
import { CompensatedRounding } from '../rounding/compensated-rounding.js';

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

/** As `quantizeWeightKernel`, with errors that cancel out within kernels and channels (see compensated-rounding.ts). */
export const quantizeCompensatedKernel: TensorKernel<QuantizeWeightParameters & { readonly kernelSize: number }> = {
  module: import.meta.url,
  exportName: 'quantizeCompensatedKernel',
  *chunks([source], { layout, quantization, kernelSize }) {
    const rounding = new CompensatedRounding(kernelSize);
    let output = new Int8Array(0);
    for (const { first, values } of float32Pieces(source, layout.inner)) {
      if (output.length < values.length) output = new Int8Array(values.length);
      for (let start = 0; start < values.length; start += layout.inner) {
        const channel = ((first + start) / layout.inner) % layout.channels;
        rounding.quantize(values, start, start + layout.inner, quantization, channel, output);
      }
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

export interface QuantizedTensorOptions {
  /** Exchanges the last two axes. */
  readonly transposed?: boolean;
  /** Rounds so that the errors of each kernel of that many elements cancel out, and those of each channel that lies in one piece. */
  readonly kernelSize?: number;
}

/** The quantized form of `source`, whose elements `layout` describes; computed whenever it is read. */
export function quantizedTensor(
  source: Tensor,
  layout: QuantizationLayout,
  quantization: QuantizationParameters,
  { transposed = false, kernelSize }: QuantizedTensorOptions = {},
): Tensor {
  const { dataType } = quantization;
  if (dataType !== 'int8' && dataType !== 'uint8') throw internalError(`Weights of ${dataType} are packed elsewhere`);
  const parameters = { layout, quantization };
  const { shape } = source;
  if (kernelSize !== undefined) {
    return new ComputedTensor(dataType, shape, quantizeCompensatedKernel, [source], { ...parameters, kernelSize });
  }
  if (!transposed) return new ComputedTensor(dataType, shape, quantizeWeightKernel, [source], parameters);
  const exchanged = [...shape.slice(0, -2), ...shape.slice(-2).reverse()];
  return new ComputedTensor(dataType, exchanged, quantizeTransposedKernel, [source], parameters);
}
