// Metrics: each is a few sums over examples and what is computed from them, so that any number of examples takes constant memory
// and intervals follow from replicated sums.
import type { Distance, Observation } from './observation.js';

export interface Metric {
  readonly name: string;
  readonly summary: string;
  readonly better: 'higher' | 'lower';
  readonly unit: 'percent' | 'decibel' | 'plain';
  /** What an example must come with. */
  readonly needs: 'answers' | 'text' | 'outputs' | 'original';
  /** Adds the amounts of an example to numbered sums. False when it has none of what is needed. */
  collect(observation: Observation, add: (sum: number, amount: number) => void): boolean;
  /** The figure; NaN where it is not defined. */
  value(sums: Float64Array): number;
  /** Sum 0 counts successes among sum 1. */
  readonly proportion: boolean;
}

type Amounts = readonly number[];

interface MetricFacts {
  readonly summary: string;
  readonly better?: Metric['better'];
  readonly unit?: Metric['unit'];
  readonly proportion?: boolean;
}

function define(
  name: string,
  needs: Metric['needs'],
  { summary, better = 'higher', unit = 'plain', proportion = false }: MetricFacts,
  amounts: (observation: Observation) => Amounts | null,
  value: (sums: Float64Array) => number,
): Metric {
  const collect: Metric['collect'] = (observation, add) => {
    const found = amounts(observation);
    found?.forEach((amount, sum) => {
      add(sum, amount);
    });
    return found !== null;
  };
  return { name, summary, better, unit, needs, proportion, collect, value };
}

const ratio = (sums: Float64Array): number => sums[0] / sums[1];
const percent = { unit: 'percent', proportion: true } as const;

const correct = ({ answers }: Observation): Amounts | null => answers && [answers.top1, answers.scored];
const likelihood = ({ answers }: Observation): Amounts | null => answers && [answers.nll, answers.scored];
const distanceOf = ({ fromTarget, comparison }: Observation): Distance | null =>
  fromTarget ?? comparison?.distance ?? null;

const f1: Metric = {
  name: 'f1',
  summary: 'F1 of class 1 when no class above 1 occurs, mean over the classes otherwise',
  better: 'higher',
  unit: 'percent',
  needs: 'answers',
  proportion: false,
  collect: collectConfusion,
  value: (sums) => (sums.length <= 6 ? f1OfClass(sums, 1) : macroF1(sums)),
};

const f1Macro: Metric = { ...f1, name: 'f1-macro', summary: 'F1, mean over the classes', value: macroF1 };

export const metrics: readonly Metric[] = [
  define('top1', 'answers', { ...percent, summary: 'right answers' }, correct, ratio),
  define(
    'top5',
    'answers',
    { ...percent, summary: 'answers among the five likeliest' },
    ({ answers }) => answers && [answers.top5, answers.scored],
    ratio,
  ),
  define('accuracy', 'answers', { ...percent, summary: 'right answers' }, correct, ratio),
  f1,
  f1Macro,
  define(
    'perplexity',
    'answers',
    { better: 'lower', summary: 'exp of the mean negative log likelihood of a token' },
    likelihood,
    (sums) => Math.exp(ratio(sums)),
  ),
  define(
    'word-perplexity',
    'text',
    { better: 'lower', summary: 'exp of the negative log likelihood divided by the words of the text' },
    ({ answers }) => (answers && answers.words > 0 ? [answers.nll, answers.words] : null),
    (sums) => Math.exp(ratio(sums)),
  ),
  define(
    'nats-per-byte',
    'text',
    { better: 'lower', summary: 'negative log likelihood divided by the bytes of the text' },
    ({ answers }) => (answers && answers.bytes > 0 ? [answers.nll, answers.bytes] : null),
    ratio,
  ),
  define(
    'mse',
    'outputs',
    { better: 'lower', summary: 'mean squared error, from right outputs or else the first model' },
    (observation) => {
      const distance = distanceOf(observation);
      return distance && [distance.noise, distance.elements];
    },
    ratio,
  ),
  define(
    'cosine',
    'outputs',
    { summary: 'cosine similarity, mean over examples, with right outputs or else the first model' },
    (observation) => {
      const distance = distanceOf(observation);
      return distance && [distance.cosine, 1];
    },
    ratio,
  ),
  define(
    'sqnr',
    'outputs',
    { unit: 'decibel', summary: 'signal to noise, against right outputs or else the first model' },
    (observation) => {
      const distance = distanceOf(observation);
      return distance && [distance.signal, distance.noise];
    },
    (sums) => 10 * Math.log10(ratio(sums)),
  ),
  define(
    'agreement',
    'original',
    { ...percent, summary: 'answers that are those of the first model' },
    ({ comparison }) => (comparison && comparison.rows > 0 ? [comparison.agreeing, comparison.rows] : null),
    ratio,
  ),
  define(
    'kl',
    'original',
    { better: 'lower', summary: 'Kullback-Leibler divergence from the first model, mean over answers, in nats' },
    ({ comparison }) => (comparison && comparison.finiteRows > 0 ? [comparison.kl, comparison.finiteRows] : null),
    ratio,
  ),
];

export const metricNames = metrics.map(({ name }) => name);

/** Null for an unknown name. */
export function findMetric(name: string): Metric | null {
  return metrics.find((metric) => metric.name === name) ?? null;
}

/** Three sums a class: found, missed, claimed wrongly. */
function collectConfusion({ answers }: Observation, add: (sum: number, amount: number) => void): boolean {
  if (!answers) return false;
  const { pairs } = answers;
  for (let i = 0; i < pairs.length; i += 2) {
    const right = pairs[i];
    const given = pairs[i + 1];
    if (right === given) add(right * 3, 1);
    else {
      add(right * 3 + 1, 1);
      if (given >= 0) add(given * 3 + 2, 1);
    }
  }
  return true;
}

function f1OfClass(sums: Float64Array, index: number): number {
  const [found = 0, missed = 0, claimed = 0] = sums.subarray(index * 3, index * 3 + 3);
  return (2 * found) / (2 * found + missed + claimed);
}

/** Over the classes that occur, as right answer or as given one. */
function macroF1(sums: Float64Array): number {
  let total = 0;
  let classes = 0;
  for (let index = 0; index * 3 < sums.length; index++) {
    const value = f1OfClass(sums, index);
    if (Number.isNaN(value)) continue;
    total += value;
    classes++;
  }
  return total / classes;
}
