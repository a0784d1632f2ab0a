// Measures what quantizing chosen nodes does to the outputs, for any number of choices, with one session and few passes over the data.
import type { Dataset } from '../data/index.js';
import { evaluateModels, outputKind } from '../evaluation/index.js';
import type { Model } from '../ir/index.js';
import type { Metric } from '../metrics/index.js';
import type { Effect, Figure, MetricFigure } from './effect.js';
import { MaskedSession } from './masked-session.js';
import type { ResultCache } from './result-cache.js';
import type { SwitchedSession } from './switched-session.js';

/** Indices of the nodes that are quantized, in ascending order. */
export type Choice = readonly number[];

export interface SweepOptions {
  readonly dataset: Dataset;
  readonly metrics: readonly Metric[];
  readonly outputName?: string;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Finished choices of earlier runs. */
  readonly cache: ResultCache<Effect> | null;
  /** In front of the names of choices in the cache. */
  readonly cachePrefix: string;
  /** Called after every inference. */
  readonly onRun?: () => void;
  /** Called for choices that the cache knows. */
  readonly onKnown?: (choices: number) => void;
}

/** Choices measured in one pass over the data: the model in float runs once for all of them. */
const mostPerPass = 16;
/** Where results are kept, an interruption loses at most so many inferences, at the price of more passes. */
const mostAtRisk = 2048;

function choicesPerPass(samples: number | null, kept: boolean): number {
  if (!kept || samples === null) return mostPerPass;
  return Math.min(mostPerPass, Math.max(2, Math.floor(mostAtRisk / samples)));
}

export class Sweep {
  /** The output that answers; known after the first measurement. */
  output: string | null = null;
  private readonly session: SwitchedSession;
  private readonly model: Model;
  private readonly options: SweepOptions;

  /** @param model the one that is switched. */
  constructor(session: SwitchedSession, model: Model, options: SweepOptions) {
    this.session = session;
    this.model = model;
    this.options = options;
  }

  /** One effect for each choice. */
  async measure(choices: readonly Choice[]): Promise<Effect[]> {
    const { cache, cachePrefix, dataset, onKnown } = this.options;
    const perPass = choicesPerPass(dataset.size, cache !== null);
    const effects = choices.map((choice) => cache?.get(cachePrefix + choice.join()));
    const missing = [...choices.keys()].filter((index) => effects[index] === undefined);
    onKnown?.(choices.length - missing.length);
    for (let from = 0; from < missing.length; from += perPass) {
      const part = missing.slice(from, from + perPass);
      const measured = await this.measurePart(part.map((index) => choices[index]));
      for (const [position, index] of part.entries()) effects[index] = measured[position];
      cache?.add(new Map(part.map((index, position) => [cachePrefix + choices[index].join(), measured[position]])));
    }
    return effects as Effect[];
  }

  private async measurePart(choices: readonly Choice[]): Promise<Effect[]> {
    const { dataset, metrics, outputName, seed, signal, onRun } = this.options;
    const { session, model } = this;
    // The run without switches comes first: others go on from what it computed.
    const sessions = [[], ...choices].map((choice) => new MaskedSession(session, choice, { signal, onRun }));
    const models = sessions.map((masked) => ({
      name: 'the model',
      session: masked,
      outputKind: (output: string) => outputKind(model, output),
    }));
    const result = await evaluateModels(models, dataset, { metrics, outputName, seed, signal });
    this.output = result.output;
    return result.models.slice(1).map(({ metrics: measured, fidelity, nonFinite }, index) => ({
      ownSqnr: sessions[index + 1].ownSqnr,
      metrics: measured.map(metricFigure),
      fidelity: fidelity.map(plainFigure),
      nonFinite,
    }));
  }
}

function plainFigure({ name, value, interval }: Figure): Figure {
  return { name, value, interval };
}

function metricFigure(figure: MetricFigure): MetricFigure {
  const { difference } = figure;
  return {
    ...plainFigure(figure),
    difference: difference && { value: difference.value, interval: difference.interval },
  };
}
