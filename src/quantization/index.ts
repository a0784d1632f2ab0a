// Quantization: schemes, ranges, scales and zero points, QuantizeLinear on typed arrays, the proof against saturation; quantized
// weights as lazy tensors, and the nodes that use them.

export type { BlockSearch } from './blocks/block-criterion.js';
export {
  addBlockWeight,
  type BlockWeight,
  dequantizeBlocks,
  replaceByBlockGather,
  replaceByNBits,
  replaceByNormalFloat,
} from './blocks/block-operators.js';
export {
  type BlockBits,
  type BlockParameters,
  type BlockScheme,
  findBlockParameters,
  quantizeInBlock,
} from './blocks/block-parameters.js';
export {
  type BlockLayout,
  type BlockOrder,
  type BlockTensors,
  channelBlocks,
  findBlocks,
  type KnownParameters,
  sourceBlocks,
} from './blocks/block-weight.js';
export { normalFloatBlocks } from './blocks/normal-float.js';
export { turned } from './blocks/turned.js';
export { type ScaledGroup, searchChannelScales, searchChannelScalesTask } from './matrices/channel-scales.js';
export { type CompensatedPacking, packCompensated } from './matrices/pack-compensated.js';
export { type MatrixAlgorithm, type MatrixForm, roundPlainly } from './matrices/round-matrix.js';
export { type RoundedWeight, roundWeight } from './matrices/round-weight.js';
export { blocksFromRounded, divideBlocks, packedFromRounded } from './matrices/store-rounded.js';
export { DynamicActivations, type QuantizedActivation } from './operators/dynamic-activations.js';
export { type DynamicLinear, emitDynamicLinear } from './operators/dynamic-linear.js';
export { type IntegerProduct, integerProduct, joinProducts, separateProducts } from './operators/joined-products.js';
export { QdqInserter } from './operators/qdq.js';
export { fuseIntoQOperators } from './operators/qoperator.js';
export { conversionCount, unfusedNodes } from './operators/unfused.js';
export { vectorLength } from './packed/codebook.js';
export { holdsVectors, packByCodebook } from './packed/pack-codebook.js';
export { type PackedLayout, type PackedParameters, packWeight } from './packed/pack-weight.js';
export type { PackedWidth } from './packed/packed-multiplier.js';
export { tableOpset } from './packed/packed-tables.js';
export { addPackedWeight, fillsNibbles, type PackedCoding, packedOpset } from './packed/packed-weight.js';
export { restorePacked } from './packed/restore-packed.js';
export { type ClipSearch, createClipSearch, selectClip, tryClips } from './parameters/clip.js';
export { canSaturate, extremePairSums, type OverflowOptions, type PairSums } from './parameters/overflow.js';
export { createPairRanges, type PairRanges, scanPairRange, unitePairRanges } from './parameters/pair-ranges.js';
export { computeParameters, type QuantizationParameters } from './parameters/parameters.js';
export { createRanges, scanRange, scanRanges, type ValueRanges } from './parameters/parameters-ranges.js';
export {
  createQuantizedArray,
  dequantizeLinear,
  dequantizeRange,
  type QuantizedArray,
  quantizeLinear,
  quantizeRange,
} from './parameters/quantize-linear.js';
export { computeSaturationFreeParameters } from './parameters/saturation-free.js';
export { scanWeight, scanWeightPairs } from './parameters/scan-weight.js';
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
} from './parameters/scheme.js';
export {
  elementCount,
  layoutOf,
  type QuantizationLayout,
  type StretchVisitor,
  visitStretches,
} from './parameters/scheme-layout.js';
export { type FloatWeightType, isFloatWeightType } from './parameters/weight-pieces.js';
export { clippedScales, fittingScales, outputErrors } from './rounding/clip-rows.js';
export { CompensatedRounding } from './rounding/compensated-rounding.js';
export { type RowWeights, roundByGram, roundingErrors, roundToNearest } from './rounding/gram-rounding.js';
export type { HeldOutInputs } from './rounding/held-out-error.js';
export { learnRounding, meanError, type RoundingRows } from './rounding/learned-rounding.js';
export {
  computesIntegers,
  defaultTarget,
  highestOpset,
  implementsProbe,
  parseTarget,
  type RuntimeTarget,
} from './runtime/runtime-target.js';
export { floatWeightAt, isDequantized } from './weights/float-weight.js';
export { isTransposedGemm, linearTerms } from './weights/linear-terms.js';
export { quantizedTensor } from './weights/quantize-weight.js';
export { QuantizedWeight } from './weights/quantized-weight.js';
export { restoreWeight, useRestored } from './weights/stored-weight.js';
export { replaceTableLookup } from './weights/table-lookup.js';
export { findUncovered } from './weights/weight-coverage.js';
