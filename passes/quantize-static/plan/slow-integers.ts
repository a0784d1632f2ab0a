// Convolutions that onnxruntime's integer kernels compute slower than float, conversions around it included, as measured on x86 (bench/integer-convolutions.ts):
// the first of few channels, as an integer kernel gathers its patches and they are too short for it, while a float one reads the planes; groups of a few
// channels, which integers multiply one by one; depthwise ones whose
// channels come by four and not by eight.
import type { LinearOperator } from '../../../src/analysis/index.js';

/** Weights under a kernel: 3 channels of 4×4 (48) are slower, of 7×7 (147) are not. */
const shortRow = 64;
/** Multiplications of a group at a position: 4 channels to 4, 3×3 (144), take three times as long, 8 to 8 (576) half to one and a half times. */
const smallGroup = 160;
/** Depthwise channels that kernels take at once; float ones take less than a block too, where it has whole fours. */
const integersAtOnce = 8;
const floatsAtOnce = 4;

/** Why float is faster; null where integers are, or nothing is known. @param first no other operator comes before. */
export function whySlowerAsIntegers(
  { kind, groups, outputChannels, rowLength, weight }: LinearOperator,
  first: boolean,
): string | null {
  // Of one axis float has no kernel of its own.
  if (kind !== 'conv' || weight.shape.length !== 4) return null;
  if (groups === 1)
    return first && rowLength < shortRow
      ? `it is a first operator and stays float, which is faster for kernels of ${rowLength} weights`
      : null;
  const outputs = outputChannels / groups;
  if (outputs === 1 && weight.shape[1] === 1)
    return groups % integersAtOnce === 0 || groups % floatsAtOnce !== 0
      ? null
      : `integer kernels take depthwise channels by ${integersAtOnce}: ${groups} are faster in float`;
  return rowLength * outputs < smallGroup
    ? `integer kernels take its ${groups} small groups one by one: float is faster`
    : null;
}
