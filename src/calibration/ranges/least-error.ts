// The range with the least expected squared error under the grid that it gives: a search over how far each end is drawn in, from coarse to
// fine (the criterion of Sung et al. 2015, "Resiliency of deep neural networks under quantization", and of OCTAV, Sakr et al. 2022).
import type { QuantizationScheme } from '../../quantization/index.js';
import { type Range, squaredError, type WeightedPoints } from './candidate.js';

/** Of each search one step of the factor, and how many steps inwards and outwards; the ends reach down to 0.85^19, a twentieth. */
const stages = [
  { step: 0.85, inwards: 19, outwards: 0 },
  { step: 0.95, inwards: 3, outwards: 3 },
  { step: 0.987, inwards: 3, outwards: 3 },
];

/** @param widest where the search begins: the extremes; no end grows beyond. */
export function leastErrorRange(points: WeightedPoints, widest: Range, scheme: QuantizationScheme): Range {
  let best = widest;
  let least = squaredError(points, widest, scheme);
  for (const { step, inwards, outwards } of stages) {
    const from = best;
    for (const lowFactor of factorsOf(step, inwards, outwards, from.low)) {
      for (const highFactor of factorsOf(step, inwards, outwards, from.high)) {
        // Both ends of a symmetric range move together: only the wider one counts.
        if (scheme.symmetric && from.low !== 0 && from.high !== 0 && lowFactor !== highFactor) continue;
        const range = {
          low: Math.max(from.low * lowFactor, widest.low),
          high: Math.min(from.high * highFactor, widest.high),
        };
        const error = squaredError(points, range, scheme);
        if (error < least) {
          least = error;
          best = range;
        }
      }
    }
  }
  return best;
}

function factorsOf(step: number, inwards: number, outwards: number, end: number): number[] {
  if (end === 0) return [1];
  return Array.from({ length: inwards + outwards + 1 }, (_, index) => step ** (index - outwards));
}
