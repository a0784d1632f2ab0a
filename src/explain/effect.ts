// What quantizing a set of nodes does to the outputs of the model, and how such effects are put in order.

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface Figure {
  readonly name: string;
  readonly value: number | null;
  readonly interval: Interval | null;
}

export interface MetricFigure extends Figure {
  /** From the model in float, on the same examples. */
  readonly difference: { readonly value: number | null; readonly interval: Interval | null } | null;
}

export interface Effect {
  /** Of the output of a node that alone is quantized, in dB; null where there is no such figure, or no error. */
  readonly ownSqnr: number | null;
  readonly metrics: readonly MetricFigure[];
  /** Against the model in float: agreement, kl (nats), sqnr (dB). */
  readonly fidelity: readonly Figure[];
  /** Samples with an output that is not finite. */
  readonly nonFinite: number;
}

/** What effects are put in order by: divergence of class scores where outputs are such, noise relative to the signal elsewhere. */
export type Measure = 'kl' | 'sqnr';

/** The one that every effect has. */
export function measureOf(effects: readonly Effect[]): Measure {
  return effects.every((effect) => effect.nonFinite > 0 || figure(effect, 'kl') !== null) ? 'kl' : 'sqnr';
}

/** How much the outputs changed: 0 for not at all; adds up where errors are independent. Infinity where they are not finite any more. */
export function costOf(effect: Effect, measure: Measure): number {
  if (effect.nonFinite > 0) return Number.POSITIVE_INFINITY;
  const value = figure(effect, measure);
  // Without noise there are no decibels.
  if (measure === 'sqnr') return value === null ? 0 : 10 ** (-value / 10);
  // Rounding errors can make a divergence of nothing slightly negative.
  return Math.max(value ?? 0, 0);
}

function figure({ fidelity }: Effect, name: string): number | null {
  return fidelity.find((candidate) => candidate.name === name)?.value ?? null;
}
