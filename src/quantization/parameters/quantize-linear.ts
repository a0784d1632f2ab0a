// ONNX QuantizeLinear and DequantizeLinear on pieces of a tensor: y = saturate(roundHalfEven(x / scale) + zeroPoint) and
// x = (y - zeroPoint) · scale, in float32 as onnxruntime computes them. Types below a byte are held one per byte.

import type { QuantizationParameters } from './parameters.js';
import { quantizeOne, quantizeRow, quantizeRowAsymmetric, quantizeRun } from './quantize-linear-kernels.js';
import { isSigned, type QuantizedType, quantizedBits } from './scheme.js';
import { type QuantizationLayout, visitStretches } from './scheme-layout.js';

export type QuantizedArray = Int8Array | Uint8Array | Int16Array | Uint16Array;

/** An array for `length` quantized elements of `dataType`, one element each (int4 and below: one per byte, unpacked). */
export function createQuantizedArray(dataType: QuantizedType, length: number): QuantizedArray {
  if (quantizedBits(dataType) === 16) return isSigned(dataType) ? new Int16Array(length) : new Uint16Array(length);
  return isSigned(dataType) ? new Int8Array(length) : new Uint8Array(length);
}

/**
 * Quantizes a piece of a tensor that starts at its element `firstElement`; `output[i]` belongs to `input[i]`.
 *
 * The quotient is rounded to float32 before it is rounded to an integer, as in onnxruntime. Infinities saturate and NaN
 * becomes the lowest value, as in its SIMD kernels.
 * @param output of 8-bit elements for types up to eight bits, of 16-bit elements otherwise; as long as `input` or longer.
 * @throws RangeError when the piece lies outside the tensor, or `output` is too short or of the wrong width.
 */
export function quantizeRange(
  input: Float32Array,
  firstElement: number,
  layout: QuantizationLayout,
  parameters: QuantizationParameters,
  output: QuantizedArray,
): void {
  checkArrays(output, input.length, layout, parameters);
  if (output.BYTES_PER_ELEMENT === 2) {
    const target = new Int16Array(output.buffer, output.byteOffset, output.length);
    quantizeWide(input, firstElement, layout, parameters, target);
    return;
  }
  const { scale, zeroPoint, minimum, maximum } = parameters;
  const target = new Int8Array(output.buffer, output.byteOffset, output.length);
  const commonZeroPoint = zeroPoint.every((zero) => zero === zeroPoint[0]);
  // Rows mostly repeat the scales of the row before: the same channels, or the next line of the same blocks.
  const rowLength = layout.kind === 'channel' ? layout.channels : layout.inner;
  const reciprocals = new Float64Array(layout.kind === 'tensor' ? 0 : Math.min(rowLength, input.length));
  let first = -1;
  let filled = 0;
  visitStretches(layout, firstElement, input.length, {
    run(offset, length, p) {
      quantizeRun(input, offset, offset + length, scale[p], zeroPoint[p], minimum, maximum, target);
    },
    row(offset, length, p) {
      if (p !== first || length > filled) {
        for (let i = 0; i < length; i++) reciprocals[i] = 1 / scale[p + i];
        first = p;
        filled = length;
      }
      if (commonZeroPoint) {
        quantizeRow(input, offset, length, reciprocals, zeroPoint[0], minimum, maximum, target);
      } else {
        quantizeRowAsymmetric(input, offset, length, reciprocals, zeroPoint, p, minimum, maximum, target);
      }
    },
  });
}

/** `quantizeRange` for 16-bit types; apart, so that the loops for eight bits keep to one kind of array. */
function quantizeWide(
  input: Float32Array,
  firstElement: number,
  layout: QuantizationLayout,
  parameters: QuantizationParameters,
  output: Int16Array,
): void {
  const { scale, zeroPoint, minimum, maximum } = parameters;
  const quantizeStretch = (offset: number, length: number, parameter: number, step: 0 | 1): void => {
    for (let i = 0, p = parameter; i < length; i++, p += step) {
      const zero = zeroPoint[p];
      output[offset + i] = quantizeOne(input[offset + i], 1 / scale[p], minimum - zero, maximum - zero) + zero;
    }
  };
  visitStretches(layout, firstElement, input.length, {
    run: (offset, length, parameter) => quantizeStretch(offset, length, parameter, 0),
    row: (offset, length, parameter) => quantizeStretch(offset, length, parameter, 1),
  });
}

/** Quantizes a whole tensor in memory. @throws RangeError when `input` is longer than the layout says. */
export function quantizeLinear(
  input: Float32Array,
  layout: QuantizationLayout,
  parameters: QuantizationParameters,
): QuantizedArray {
  const output = createQuantizedArray(parameters.dataType, input.length);
  quantizeRange(input, 0, layout, parameters, output);
  return output;
}

/**
 * The float32 values of a piece of a quantized tensor that starts at its element `firstElement`.
 * @throws RangeError when the piece lies outside the tensor or `output` is too short.
 */
export function dequantizeRange(
  input: QuantizedArray,
  firstElement: number,
  layout: QuantizationLayout,
  parameters: Pick<QuantizationParameters, 'scale' | 'zeroPoint'>,
  output: Float32Array,
): void {
  if (output.length < input.length) throw new RangeError(`output holds ${output.length} of ${input.length} elements`);
  const { scale, zeroPoint } = parameters;
  visitStretches(layout, firstElement, input.length, {
    run(offset, length, p) {
      const s = scale[p];
      const zero = zeroPoint[p];
      for (let i = offset; i < offset + length; i++) output[i] = (input[i] - zero) * s;
    },
    row(offset, length, p) {
      for (let i = 0; i < length; i++) output[offset + i] = (input[offset + i] - zeroPoint[p + i]) * scale[p + i];
    },
  });
}

/** Dequantizes a whole tensor in memory. */
export function dequantizeLinear(
  input: QuantizedArray,
  layout: QuantizationLayout,
  parameters: Pick<QuantizationParameters, 'scale' | 'zeroPoint'>,
): Float32Array {
  const output = new Float32Array(input.length);
  dequantizeRange(input, 0, layout, parameters, output);
  return output;
}

function checkArrays(
  output: QuantizedArray,
  length: number,
  layout: QuantizationLayout,
  parameters: QuantizationParameters,
): void {
  if (output.length < length) throw new RangeError(`output holds ${output.length} of ${length} elements`);
  const bytes = quantizedBits(parameters.dataType) === 16 ? 2 : 1;
  if (output.BYTES_PER_ELEMENT !== bytes) {
    throw new RangeError(`${parameters.dataType} needs elements of ${bytes} bytes, not ${output.BYTES_PER_ELEMENT}`);
  }
  if (parameters.scale.length !== layout.parameterCount) {
    throw new RangeError(`${parameters.scale.length} scales for a layout of ${layout.parameterCount}`);
  }
}
