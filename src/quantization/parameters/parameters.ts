// Scale and zero point from the range of the values: the formulas of ONNX DynamicQuantizeLinear and of onnxruntime's
// quantization tool (quant_utils.compute_scale_zp), per tensor, channel or block.

import { roundHalfToEven } from '../../numeric/index.js';
import type { ValueRanges } from './parameters-ranges.js';
import {
  type QuantizationScheme,
  type QuantizedRange,
  type QuantizedType,
  quantizedRange,
  symmetricZeroPoint,
} from './scheme.js';

/** Scales below this are subnormal in float32 and would lose their precision, or become zero. */
const SMALLEST_NORMAL = 2 ** -126;

/** What QuantizeLinear needs; entry `p` belongs to parameter `p` of the layout. */
export interface QuantizationParameters {
  readonly dataType: QuantizedType;
  /** Positive and finite. */
  readonly scale: Float32Array;
  /** Within the range of `dataType`. */
  readonly zeroPoint: Int32Array;
  /** Quantized values saturate to these bounds, which lie within those of `dataType`. */
  readonly minimum: number;
  readonly maximum: number;
}

/**
 * Scale and zero point that cover `ranges`, widened to include zero, so that zero is represented exactly.
 * Where all values are zero, or too small for a normal float32 scale, the scale is 1 and every value becomes zero;
 * the same holds where nothing finite was seen.
 * Callers decide what non-finite values mean (`ranges.nonFiniteCount`): they are not covered.
 */
export function computeParameters(ranges: ValueRanges, scheme: QuantizationScheme): QuantizationParameters {
  const bounds = quantizedRange(scheme);
  const count = ranges.minimum.length;
  const scale = new Float32Array(count);
  const zeroPoint = new Int32Array(count);
  const middle = scheme.symmetric ? symmetricZeroPoint(scheme) : null;
  for (let p = 0; p < count; p++) {
    const low = Math.min(ranges.minimum[p], 0);
    const high = Math.max(ranges.maximum[p], 0);
    scale[p] = scaleOf(low, high, bounds, scheme.symmetric);
    zeroPoint[p] = middle ?? zeroPointOf(low, scale[p], bounds);
  }
  return { dataType: scheme.dataType, scale, zeroPoint, ...bounds };
}

function scaleOf(low: number, high: number, bounds: QuantizedRange, symmetric: boolean): number {
  const width = symmetric ? 2 * Math.max(-low, high) : high - low;
  const scale = Math.fround(width / (bounds.maximum - bounds.minimum));
  return scale < SMALLEST_NORMAL ? 1 : scale;
}

function zeroPointOf(low: number, scale: number, bounds: QuantizedRange): number {
  const exact = bounds.minimum - low / scale;
  return Math.min(Math.max(roundHalfToEven(exact), bounds.minimum), bounds.maximum);
}
