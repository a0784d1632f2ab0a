// Maths on typed arrays, without any ONNX model: number formats, packing, random numbers, statistics, linear algebra.

export {
  bfloat16ToFloat32,
  bfloat16ToFloat32Array,
  float32ToBfloat16,
  float32ToBfloat16Array,
} from './bfloat16.js';
export { concatenate } from './concatenate.js';
export { expOfNegative, sumOfExponentials } from './exponentials.js';
export { float16ToFloat32, float16ToFloat32Array, float32ToFloat16, float32ToFloat16Array } from './float16.js';
export { finiteRange, type Histogram, histogram } from './histogram.js';
export * from './linear-algebra/index.js';
export {
  decodeMinifloat,
  decodeMinifloatArray,
  encodeMinifloat,
  encodeMinifloatArray,
  type MinifloatFormat,
} from './minifloat.js';
export { normalFloatLevels } from './normal-float.js';
export { type PackedBits, packElements, packedLength, unpackSigned, unpackUnsigned } from './pack-elements.js';
export { createRandom, type Random } from './random.js';
export { roundHalfToEven } from './round-half-to-even.js';
export { cosineSimilarity, maxAbsError, meanSquaredError, percentile, signalToNoise } from './statistics.js';
export { type Image, unfold, type Window } from './unfold.js';
