// How much worse a model may get by a metric, and how much worse it got.
import { usageError } from '../errors.js';
import { findMetric } from '../metrics/index.js';

/** A number in the units a metric is shown in (points of percent metrics, dB, the metric's own), or a percentage of the original's. */
export interface MaxDrop {
  readonly amount: number;
  readonly relative: boolean;
}

export interface Drop {
  /** In the units of the limit; negative where the model got better, null where it has no figure. */
  readonly amount: number | null;
  readonly kept: boolean;
}

/** `0.5`, or `2%` of the original's figure. Throws USAGE for anything else. */
export function parseMaxDrop(given: number | string): MaxDrop {
  const match = /^\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*$/.exec(String(given));
  if (!match) {
    throw usageError(
      `max-drop cannot be ${JSON.stringify(given)}`,
      'It is a number in the units of the metric (0.5: half a percentage point of accuracy), or like 2% of the original.',
    );
  }
  return { amount: Number(match[1]), relative: match[2] === '%' };
}

/** `0.5 pp`, `1 dB`, `2 %`. */
export function formatMaxDrop({ amount, relative }: MaxDrop, metric: string): string {
  return relative ? `${amount} %` : `${amount}${unitOf(metric)}`;
}

function unitOf(metric: string): string {
  const unit = findMetric(metric)?.unit;
  return unit === 'percent' ? ' pp' : unit === 'decibel' ? ' dB' : '';
}

/** What a model that equals its original has, for metrics that measure the distance from it. */
const ofTheOriginal: Readonly<Record<string, number>> = { agreement: 1, cosine: 1, mse: 0, kl: 0 };

/**
 * From `original` (null: the metric is a distance from the original) to `result` (null: not defined or not finite, which no limit
 * allows). Metrics that dsopt does not know are better when higher. Throws USAGE where there is no figure to fall from.
 */
export function dropOf(metric: string, original: number | null, result: number | null, limit: MaxDrop): Drop {
  const known = findMetric(metric);
  const reference = original ?? ofTheOriginal[metric] ?? null;
  if (reference === null || (limit.relative && reference === 0)) {
    throw usageError(
      `There is no ${metric} of the original that --max-drop could be told from`,
      'Use a metric that the original has a figure of, such as accuracy, or agreement.',
    );
  }
  if (result === null) return { amount: null, kept: false };
  const worse = known?.better === 'lower' ? result - reference : reference - result;
  const scale = limit.relative ? 100 / Math.abs(reference) : known?.unit === 'percent' ? 100 : 1;
  const amount = worse * scale;
  // Sums in another order must not decide.
  return { amount, kept: amount <= limit.amount + 1e-9 };
}
