// Quantization on typed arrays: schemes, ranges, scales and zero points, QuantizeLinear, and the proof against saturation.

export { type ClipSearch, createClipSearch, selectClip, tryClips } from './clip.js';
export { canSaturate, extremePairSums, type OverflowOptions, type PairSums } from './overflow.js';
export { computeParameters, type QuantizationParameters } from './parameters.js';
export { createRanges, scanRange, scanRanges, type ValueRanges } from './parameters-ranges.js';
export {
  createQuantizedArray,
  dequantizeLinear,
  dequantizeRange,
  type QuantizedArray,
  quantizeLinear,
  quantizeRange,
} from './quantize-linear.js';
export {
  type Granularity,
  isSigned,
  type QuantizationScheme,
  type QuantizedRange,
  type QuantizedType,
  quantizedBits,
  quantizedRange,
  symmetricZeroPoint,
  typeRange,
} from './scheme.js';
export {
  elementCount,
  layoutOf,
  type QuantizationLayout,
  type StretchVisitor,
  visitStretches,
} from './scheme-layout.js';
