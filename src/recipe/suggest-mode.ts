// Which way of quantizing suits a model, and what the user should know before it is written.
import { countMacs, propagateShapes } from '../analysis/index.js';
import type { Model } from '../ir/index.js';
import { likelyShapes } from '../synthetic/index.js';
import type { QuantizeMode } from './quantize-steps.js';

export interface ModeSuggestion {
  readonly mode: QuantizeMode;
  /** One line: what the model does most. */
  readonly reason: string;
  /** Share of the multiply-accumulates that convolutions do, 0 to 1; null when none are counted. */
  readonly convolutionShare: number | null;
}

/** `hasSamples`: there is data to calibrate with. */
export function suggestMode(model: Model, { hasSamples }: { readonly hasSamples: boolean }): ModeSuggestion {
  const share = convolutionShare(model);
  if (hasSamples && share !== null && share >= leastConvolutionShare) {
    const reason = `convolutions do ${(share * 100).toFixed(0)} % of the multiplications, and calibrated on data they become integer`;
    return { mode: 'static', reason, convolutionShare: share };
  }
  if (share === null)
    return { mode: 'dynamic', reason: 'it stores weights in 8 bits and needs no data', convolutionShare: null };
  const percent = (part: number): string => `${(part * 100).toFixed(0)} %`;
  const reason =
    share >= 0.5
      ? `convolutions do ${percent(share)} of the multiplications: dynamic stores their weights in 8 bits and needs no data`
      : `matrix products do ${percent(1 - share)} of the multiplications: dynamic makes them integer and needs no data`;
  return { mode: 'dynamic', reason, convolutionShare: share };
}

/** Below this it does not matter how convolutions are computed. */
const leastConvolutionShare = 0.1;

/**
 * What dynamic quantization does to a model in which convolutions count; null where they do not. Measured with onnxruntime 1.30:
 * ConvInteger takes 1.2 to 9 times as long as the float convolution.
 */
export function convolutionNote(
  { convolutionShare }: ModeSuggestion,
  options: Readonly<Record<string, unknown>>,
): string | null {
  const { operators } = options;
  if (convolutionShare === null || convolutionShare < leastConvolutionShare) return null;
  if (Array.isArray(operators) && !operators.includes('Conv')) return null;
  const advice = 'What makes convolutions faster is static INT8: --mode static --calibration-data DIR.';
  return options.compute === 'integer'
    ? `Convolutions on dynamically quantized integers are slower than in float (1.2 to 9 times here). ${advice}`
    : `Convolutions on dynamically quantized integers are slower than in float, so their weights are stored as integers and computed in float: a smaller file, the same speed. ${advice}`;
}

const convolutions: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'com.microsoft::FusedConv']);

function convolutionShare(model: Model): number | null {
  const shapes = propagateShapes(model, likelyShapes(model));
  const { total, byOperator } = countMacs(model, (value) => value.constant?.shape ?? shapes.get(value) ?? null);
  if (total === 0) return null;
  let sum = 0;
  for (const [operator, macs] of byOperator) if (convolutions.has(operator)) sum += macs;
  return sum / total;
}
