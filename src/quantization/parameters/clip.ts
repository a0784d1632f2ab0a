// Clipping that minimizes the squared error of the weights: for each scale, the range is shrunk by a few factors and the
// best one kept (as OCTAV, Sakr et al. 2022, by search rather than by Newton steps).

import { computeParameters, type QuantizationParameters } from './parameters.js';
import type { ValueRanges } from './parameters-ranges.js';
import { createQuantizedArray, dequantizeRange, quantizeRange } from './quantize-linear.js';
import type { QuantizationScheme } from './scheme.js';
import { type QuantizationLayout, visitStretches } from './scheme-layout.js';

/** Candidate parameters and the squared errors they have made so far. */
export interface ClipSearch {
  readonly candidates: readonly QuantizationParameters[];
  /** errors[c][p]: sum of squared errors of candidate `c` over the elements of parameter `p`. */
  readonly errors: readonly Float64Array[];
}

/**
 * Starts a search that shrinks `ranges` by each of `factors` (in (0, 1], the first one wins ties).
 * Memory: 8 + 4 + 4 bytes per factor and scale.
 * @throws RangeError when there is no factor or one outside (0, 1].
 */
export function createClipSearch(
  ranges: ValueRanges,
  scheme: QuantizationScheme,
  factors: readonly number[] = [1, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5],
): ClipSearch {
  if (factors.length === 0 || factors.some((factor) => !(factor > 0 && factor <= 1))) {
    throw new RangeError(`clip factors must lie in (0, 1], not [${factors.join(', ')}]`);
  }
  const candidates = factors.map((factor) => {
    const minimum = ranges.minimum.map((value) => value * factor);
    const maximum = ranges.maximum.map((value) => value * factor);
    return computeParameters({ ...ranges, minimum, maximum }, scheme);
  });
  return { candidates, errors: candidates.map(({ scale }) => new Float64Array(scale.length)) };
}

/**
 * Adds the errors that every candidate makes on a piece of the tensor that starts at `firstElement`.
 * @throws RangeError when the piece does not lie inside the tensor.
 */
export function tryClips(
  search: ClipSearch,
  input: Float32Array,
  firstElement: number,
  layout: QuantizationLayout,
): void {
  const restored = new Float32Array(input.length);
  for (const [c, candidate] of search.candidates.entries()) {
    const quantized = createQuantizedArray(candidate.dataType, input.length);
    quantizeRange(input, firstElement, layout, candidate, quantized);
    dequantizeRange(quantized, firstElement, layout, candidate, restored);
    const errors = search.errors[c];
    visitStretches(layout, firstElement, input.length, {
      run: (offset, length, parameter) => {
        errors[parameter] += squaredError(input, restored, offset, offset + length);
      },
      row: (offset, length, parameter) => {
        for (let i = 0; i < length; i++) {
          const error = input[offset + i] - restored[offset + i];
          errors[parameter + i] += error * error;
        }
      },
    });
  }
}

/** For each scale the candidate with the smallest error. */
export function selectClip(search: ClipSearch): QuantizationParameters {
  const [first, ...others] = search.candidates;
  const scale = first.scale.slice();
  const zeroPoint = first.zeroPoint.slice();
  const smallest = search.errors[0].slice();
  for (const [c, candidate] of others.entries()) {
    const errors = search.errors[c + 1];
    for (let p = 0; p < scale.length; p++) {
      if (errors[p] < smallest[p]) {
        smallest[p] = errors[p];
        scale[p] = candidate.scale[p];
        zeroPoint[p] = candidate.zeroPoint[p];
      }
    }
  }
  return { ...first, scale, zeroPoint };
}

function squaredError(a: Float32Array, b: Float32Array, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) {
    const error = a[i] - b[i];
    sum += error * error;
  }
  return sum;
}
