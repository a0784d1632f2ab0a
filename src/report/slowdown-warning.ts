// A warning where what was made to be faster is slower than the original: by how much, why that may be, and what to try. It depends on measured times, so it
// is made when a report is shown, and is not part of it.
import type { CompressionReport } from './compression-report.js';

/** Of the original's latency, by the lower quartile of the rounds: what a machine at work makes of two equal models stays below. */
const leastRatio = 1.05;

/** Null where nothing was measured or quantized statically, or where the result is no slower. */
export function slowdownWarning({ timing, passes }: Pick<CompressionReport, 'timing' | 'passes'>): string | null {
  const { latency } = timing;
  const quantized = passes.find(({ pass, changed }) => pass === 'quantize-static' && changed.length > 0);
  if (!latency || !quantized || latency.ratio.lower < leastRatio) return null;
  const { conversions, unfusedNodes } = quantized.metrics;
  const reasons = [
    ...(conversions > 0 ? [`${conversions} conversions between floats and integers`] : []),
    ...(unfusedNodes > 0 ? [`${unfusedNodes} nodes between integers that have no integer kernel`] : []),
  ];
  const because =
    reasons.length > 0
      ? `${reasons.join(' and ')} take more than integers save`
      : 'on this processor its integer kernels take longer than those of floats';
  return `The result takes ${latency.ratio.median.toFixed(2)} times as long as the original: ${because}. To try: --target-latency 0.95x, which keeps operators in float until it is faster; --mode dynamic, which stores the same weights and leaves convolutions in float.`;
}
