// ONNX QuantizeLinear and DequantizeLinear on pieces of a tensor: y = saturate(roundHalfEven(x / scale) + zeroPoint) and
// x = (y - zeroPoint) · scale, in float32 as onnxruntime computes them. Types below a byte are held one per byte.

import type { QuantizationParameters } from './parameters.js';
import { isSigned, type QuantizedType, quantizedBits } from './scheme.js';
import { type QuantizationLayout, visitStretches } from './scheme-layout.js';

export type QuantizedArray = Int8Array | Uint8Array | Int16Array | Uint16Array;

/** 1.5 · 2^52: in a sum with it the low bits of a double are an integer, rounded half to even. */
const ROUNDER = 6755399441055744;

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
  const { scale, zeroPoint, minimum, maximum } = parameters;
  if (output.BYTES_PER_ELEMENT === 2) {
    const target = new Int16Array(output.buffer, output.byteOffset, output.length);
    visitStretches(layout, firstElement, input.length, {
      run(offset, length, p) {
        quantizeRun16(input, offset, offset + length, scale[p], zeroPoint[p], minimum, maximum, target);
      },
      row(offset, length, p) {
        for (let i = 0; i < length; i++) {
          const start = offset + i;
          quantizeRun16(input, start, start + 1, scale[p + i], zeroPoint[p + i], minimum, maximum, target);
        }
      },
    });
    return;
  }
  const target = new Int8Array(output.buffer, output.byteOffset, output.length);
  visitStretches(layout, firstElement, input.length, {
    run(offset, length, p) {
      quantizeRun(input, offset, offset + length, scale[p], zeroPoint[p], minimum, maximum, target);
    },
    row(offset, length, p) {
      quantizeRow(input, offset, length, scale, zeroPoint, p, minimum, maximum, target);
    },
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

// The kernels. A store into a signed array keeps the low bits, so that it also writes unsigned values, and V8 sees one
// kind of array. A float64 quotient of float32 numbers, rounded to float32, is the float32 quotient (53 ≥ 2 · 24 + 2 bits).

function quantizeRun(
  input: Float32Array,
  start: number,
  end: number,
  scale: number,
  zeroPoint: number,
  minimum: number,
  maximum: number,
  output: Int8Array,
): void {
  const low = minimum - zeroPoint;
  const high = maximum - zeroPoint;
  for (let i = start; i < end; i++) {
    let q = Math.fround(input[i] / scale);
    // Bounds are integers, so clamping first changes nothing but keeps the sum below 2^53; NaN goes to `low`.
    q = q > low ? q : low;
    q = q < high ? q : high;
    output[i] = ((q + ROUNDER) | 0) + zeroPoint;
  }
}

function quantizeRow(
  input: Float32Array,
  offset: number,
  length: number,
  scale: Float32Array,
  zeroPoint: Int32Array,
  parameter: number,
  minimum: number,
  maximum: number,
  output: Int8Array,
): void {
  for (let i = 0; i < length; i++) {
    const zero = zeroPoint[parameter + i];
    const low = minimum - zero;
    const high = maximum - zero;
    let q = Math.fround(input[offset + i] / scale[parameter + i]);
    q = q > low ? q : low;
    q = q < high ? q : high;
    output[offset + i] = ((q + ROUNDER) | 0) + zero;
  }
}

/** `quantizeRun` for 16-bit types; apart, so that each keeps to one kind of array. */
function quantizeRun16(
  input: Float32Array,
  start: number,
  end: number,
  scale: number,
  zeroPoint: number,
  minimum: number,
  maximum: number,
  output: Int16Array,
): void {
  const low = minimum - zeroPoint;
  const high = maximum - zeroPoint;
  for (let i = start; i < end; i++) {
    let q = Math.fround(input[i] / scale);
    q = q > low ? q : low;
    q = q < high ? q : high;
    output[i] = ((q + ROUNDER) | 0) + zeroPoint;
  }
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
