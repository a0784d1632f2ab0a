// A warning where what was made to be faster is slower than the original: by how much, why that may be, and what to try. It depends on measured times, so it
// is made when a report is shown, and is not part of it.
import type { CompressionReport, PassFacts } from '../schema/compression-report.js';

/** Of the original's latency, by the lower quartile of the rounds: what a machine at work makes of two equal models stays below. */
const leastRatio = 1.05;

const structured = new Set(['prune-channels', 'prune-heads', 'prune-neurons', 'prune-layers']);
const factorized = new Set(['decompose', 'low-rank', 'tucker', 'spatial', 'share-basis']);

/** Null where nothing was measured or done to be faster, or where the result is no slower. */
export function slowdownWarning({ timing, passes }: Pick<CompressionReport, 'timing' | 'passes'>): string | null {
  const { latency } = timing;
  if (!latency || latency.ratio.lower < leastRatio) return null;
  const explained = explain(passes.filter(({ changed }) => changed.length > 0));
  if (!explained) return null;
  return `The result takes ${latency.ratio.median.toFixed(2)} times as long as the original: ${explained.because}. To try: ${explained.advice}.`;
}

/** By what most often makes a model slower, first. */
function explain(passes: readonly PassFacts[]): { because: string; advice: string } | null {
  const quantized = passes.find(({ pass }) => pass === 'quantize-static');
  if (quantized) {
    return {
      because: whatIntegersCost(quantized),
      advice:
        '--target-latency 0.95x, which keeps operators in float until it is faster; --mode dynamic, which stores the same weights and leaves convolutions in float',
    };
  }
  if (passes.some(({ pass }) => factorized.has(pass))) {
    return {
      because: 'two or three small operators take more than the large one that they stand for',
      advice: 'a larger share, so that fewer operators are factorized; --include for the largest only',
    };
  }
  if (passes.some(({ pass }) => structured.has(pass))) {
    return {
      because: 'numbers of channels that no kernel is made for take longer than what is computed less saves',
      advice: '--cost-model padded --multiple-of 8, or --target-latency 0.9x, which measures',
    };
  }
  return null;
}

function whatIntegersCost({ metrics: { conversions, unfusedNodes } }: PassFacts): string {
  const reasons = [
    ...(conversions > 0 ? [`${conversions} conversions between floats and integers`] : []),
    ...(unfusedNodes > 0 ? [`${unfusedNodes} nodes between integers that have no integer kernel`] : []),
  ];
  return reasons.length > 0
    ? `${reasons.join(' and ')} take more than integers save`
    : 'on this processor its integer kernels take longer than those of floats';
}
