// The range of a quantized tensor by one of the methods, or by the one that does best on samples that none of them saw.
import type { QuantizationScheme } from '../../quantization/index.js';
import { judge, type Verdict } from '../judge.js';
import type { WideningHistogram } from '../widening-histogram.js';
import { type Gain, pointsOf, type Range, squaredError } from './candidate.js';
import { entropyRange } from './entropy.js';
import { minmaxRange, percentileRange } from './extremes.js';
import { leastErrorRange } from './least-error.js';

export const rangeMethods = ['minmax', 'percentile', 'entropy', 'mse'] as const;
export type RangeMethod = (typeof rangeMethods)[number];

/** `natural`: what an activation function gives, whatever comes. */
export type ChosenMethod = RangeMethod | 'natural';

export interface RangeChoice {
  readonly range: Range;
  readonly method: ChosenMethod;
  /** Squared error on the held-out values, relative to their squares. */
  readonly heldOutError: number;
  /** Of each method, where several were tried. */
  readonly verdicts: readonly Verdict[];
}

export interface RangeOptions {
  readonly method: RangeMethod | 'auto';
  readonly scheme: QuantizationScheme;
  /** Of percentile. */
  readonly percent: number;
  readonly gain: Gain | null;
  /** All values lie within, seen or not: taken by minmax, and by auto where it does best. */
  readonly natural?: Range | null;
}

/** What was seen, to fit to, and what was held out. */
export interface SeenValues {
  readonly fitted: WideningHistogram;
  readonly held: WideningHistogram;
}

/** Null where no finite value was seen. */
export function chooseRange({ fitted, held }: SeenValues, options: RangeOptions): RangeChoice | null {
  if (fitted.isEmpty) return null;
  const points = pointsOf(held, options.gain);
  const power = points.values.reduce((sum, value, index) => sum + points.weights[index] * value * value, 0);
  const { natural } = options;
  const choiceOf = (method: ChosenMethod): Omit<RangeChoice, 'verdicts'> => {
    const range = method === 'natural' ? natural! : rangeBy(method, fitted, options);
    const error = squaredError(points, range, options.scheme);
    return { range, method, heldOutError: power > 0 ? error / power : 0 };
  };
  const only = options.method === 'minmax' && natural ? 'natural' : options.method;
  if (only !== 'auto') return { ...choiceOf(only), verdicts: [] };
  // Ties go to the least error by construction.
  const methods = [...rangeMethods.toReversed(), ...(natural ? (['natural'] as const) : [])];
  const choices = methods.map((method) => ({ ...choiceOf(method), techniques: [`range by ${method}`] }));
  const { best, verdicts } = judge(
    choices,
    choices.map(({ heldOutError }) => heldOutError),
  );
  return { range: best.range, method: best.method, heldOutError: best.heldOutError, verdicts };
}

function rangeBy(method: RangeMethod, seen: WideningHistogram, { scheme, percent, gain }: RangeOptions): Range {
  const widest = minmaxRange(seen);
  switch (method) {
    case 'minmax':
      return widest;
    case 'percentile':
      return percentileRange(seen, percent);
    case 'entropy':
      return entropyRange(seen, widest, scheme);
    case 'mse':
      return leastErrorRange(pointsOf(seen, gain), widest, scheme);
  }
}
