// Quantization: schemes, ranges, scales and zero points, QuantizeLinear on typed arrays, the proof against saturation; quantized
// weights as lazy tensors, and the nodes that use them.

export type { BlockSearch } from './block-criterion.js';
export {
  addBlockWeight,
  type BlockWeight,
  dequantizeBlocks,
  replaceByBlockGather,
  replaceByNBits,
  replaceByNormalFloat,
} from './block-operators.js';
export {
  type BlockBits,
  type BlockParameters,
  type BlockScheme,
  findBlockParameters,
  quantizeInBlock,
} from './block-parameters.js';
export {
  type BlockLayout,
  type BlockOrder,
  type BlockTensors,
  channelBlocks,
  findBlocks,
  type KnownParameters,
  sourceBlocks,
} from './block-weight.js';
export { type ScaledGroup, searchChannelScales, searchChannelScalesTask } from './channel-scales.js';
export { type ClipSearch, createClipSearch, selectClip, tryClips } from './clip.js';
export { clippedScales, fittingScales, outputErrors } from './clip-rows.js';
export { vectorLength } from './codebook.js';
export { CompensatedRounding } from './compensated-rounding.js';
export { DynamicActivations, type QuantizedActivation } from './dynamic-activations.js';
export { type DynamicLinear, emitDynamicLinear } from './dynamic-linear.js';
export { floatWeightAt, isDequantized } from './float-weight.js';
export { type RowWeights, roundByGram, roundingErrors, roundToNearest } from './gram-rounding.js';
export type { HeldOutInputs } from './held-out-error.js';
export { type IntegerProduct, integerProduct, joinProducts, separateProducts } from './joined-products.js';
export { learnRounding, meanError, type RoundingRows } from './learned-rounding.js';
export { isTransposedGemm, linearTerms } from './linear-terms.js';
export { normalFloatBlocks } from './normal-float.js';
export { canSaturate, extremePairSums, type OverflowOptions, type PairSums } from './overflow.js';
export { holdsVectors, packByCodebook } from './pack-codebook.js';
export { packCompensated } from './pack-compensated.js';
export { type PackedLayout, type PackedParameters, packWeight } from './pack-weight.js';
export type { PackedWidth } from './packed-multiplier.js';
export { tableOpset } from './packed-tables.js';
export { addPackedWeight, fillsNibbles, type PackedCoding, packedOpset } from './packed-weight.js';
export { createPairRanges, type PairRanges, scanPairRange, unitePairRanges } from './pair-ranges.js';
export { computeParameters, type QuantizationParameters } from './parameters.js';
export { createRanges, scanRange, scanRanges, type ValueRanges } from './parameters-ranges.js';
export { QdqInserter } from './qdq.js';
export { fuseIntoQOperators } from './qoperator.js';
export {
  createQuantizedArray,
  dequantizeLinear,
  dequantizeRange,
  type QuantizedArray,
  quantizeLinear,
  quantizeRange,
} from './quantize-linear.js';
export { quantizedTensor } from './quantize-weight.js';
export { QuantizedWeight } from './quantized-weight.js';
export { restorePacked } from './restore-packed.js';
export { type MatrixAlgorithm, type MatrixForm, roundPlainly } from './round-matrix.js';
export { type RoundedWeight, roundWeight } from './round-weight.js';
export {
  computesIntegers,
  defaultTarget,
  highestOpset,
  implementsProbe,
  parseTarget,
  type RuntimeTarget,
} from './runtime-target.js';
export { computeSaturationFreeParameters } from './saturation-free.js';
export { scanWeight, scanWeightPairs } from './scan-weight.js';
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
export { blocksFromRounded, divideBlocks, packedFromRounded, turned } from './store-rounded.js';
export { restoreWeight, useRestored } from './stored-weight.js';
export { replaceTableLookup } from './table-lookup.js';
export { conversionCount, unfusedNodes } from './unfused.js';
export { findUncovered } from './weight-coverage.js';
export { type FloatWeightType, isFloatWeightType } from './weight-pieces.js';
