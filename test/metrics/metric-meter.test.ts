// Expected figures are computed by hand from the definitions.
import { describe, expect, it } from 'vitest';
import { BootstrapWeights, findMetric, MetricMeter, type Observation } from '../../src/metrics/index.js';
import { createRandom } from '../../src/numeric/index.js';

const nothing: Observation = { answers: null, fromTarget: null, comparison: null };

function answer(right: number, given: number, nll = 0): Observation {
  const top1 = Number(right === given);
  const answers = { scored: 1, top1, top5: top1, nll, words: 0.5, bytes: 4, pairs: Int32Array.of(right, given) };
  return { ...nothing, answers };
}

function meter(name: string, models = 1): MetricMeter {
  const metric = findMetric(name);
  if (!metric) throw new Error(name);
  return new MetricMeter(metric, models);
}

/** One example after the other, each with what every model makes of it. */
function measure(name: string, examples: readonly (readonly Observation[])[], dependent = false): MetricMeter {
  const result = meter(name, examples[0].length);
  const weights = new BootstrapWeights(0);
  for (const observations of examples) {
    weights.next();
    result.add(observations, weights.current, dependent);
  }
  return result;
}

describe('figures', () => {
  const examples = [answer(0, 0, 1), answer(1, 0, 3), answer(1, 1, 2), answer(1, 1, 2)].map((observation) => [
    observation,
  ]);

  it.each([
    ['accuracy', 0.75],
    ['perplexity', Math.exp(2)],
    ['word-perplexity', Math.exp(4)],
    ['nats-per-byte', 0.5],
    // Class 1: 2 found, 1 missed, none claimed wrongly.
    ['f1', 0.8],
    // Class 0: 1 found, 1 claimed wrongly: 2/3.
    ['f1-macro', (0.8 + 2 / 3) / 2],
  ])('%s', (name, expected) => {
    expect(measure(name, examples).value(0)?.value).toBeCloseTo(expected, 12);
  });

  it('f1 of several classes is their mean', () => {
    const several = [answer(0, 0), answer(2, 2), answer(2, 0), answer(4, 2)].map((observation) => [observation]);
    // 0: 2/(2+0+1), 2: 2/(2+1+1), 4: 0
    expect(measure('f1', several).value(0)?.value).toBeCloseTo((2 / 3 + 1 / 2 + 0) / 3, 12);
  });

  it('of distances', () => {
    const distance = { elements: 4, signal: 100, noise: 1, cosine: 0.9 };
    const examples = [
      [{ ...nothing, fromTarget: distance }],
      [{ ...nothing, fromTarget: { ...distance, noise: 0, cosine: 1 } }],
    ];
    expect(measure('mse', examples).value(0)?.value).toBe(1 / 8);
    expect(measure('sqnr', examples).value(0)?.value).toBeCloseTo(10 * Math.log10(200), 12);
    expect(measure('cosine', examples).value(0)?.value).toBeCloseTo(0.95, 12);
  });

  it('are null where they are not finite, and missing where nothing was measured', () => {
    expect(measure('perplexity', [[answer(0, 0, Number.NaN)]]).value(0)).toEqual({ value: null, interval: null });
    expect(measure('top1', [[nothing]]).value(0)).toBeNull();
  });
});

describe('intervals', () => {
  it("are Wilson's for independent answers, and wider for the steps of sequences", () => {
    const random = createRandom(5);
    const examples = Array.from({ length: 200 }, () => [answer(1, random.int(4) === 0 ? 0 : 1)]);
    const independent = measure('top1', examples).value(0);
    expect(independent?.interval?.low).toBeLessThan(independent?.value ?? 0);
    const result = meter('top1');
    const weights = new BootstrapWeights(0);
    for (const [i, observations] of examples.entries()) {
      // Ten steps of the same answer each.
      if (i % 10 === 0) weights.next();
      result.add(examples[Math.floor(i / 10) * 10] ?? observations, weights.current, i % 10 > 0);
    }
    const width = ({ low, high } = { low: 0, high: 0 }): number => high - low;
    expect(width(result.value(0)?.interval ?? undefined)).toBeGreaterThan(
      1.8 * width(independent?.interval ?? undefined),
    );
  });
});

describe('differences', () => {
  it('of proportions count what is gained and lost', () => {
    const right = answer(1, 1);
    const wrong = answer(1, 0);
    const examples = [
      ...Array.from({ length: 80 }, () => [right, right]),
      ...Array.from({ length: 12 }, () => [right, wrong]),
      ...Array.from({ length: 2 }, () => [wrong, right]),
      ...Array.from({ length: 6 }, () => [wrong, wrong]),
    ];
    const difference = measure('top1', examples).difference(1);
    expect(difference).toMatchObject({ gained: 2, lost: 12, significant: true });
    expect(difference?.value).toBeCloseTo(-0.1, 12);
    // 2 Σ C(14, k) / 2¹⁴ for k = 0, 1, 2
    expect(difference?.pValue).toBeCloseTo(0.0129395, 6);
  });

  it('of means use that the examples are the same', () => {
    const random = createRandom(6);
    const examples = Array.from({ length: 300 }, () => {
      const nll = 3 + random.normal();
      return [answer(0, 0, nll), answer(0, 0, nll + 0.05 + 0.01 * random.normal())];
    });
    const result = measure('perplexity', examples);
    const difference = result.difference(1);
    const own = result.value(1)?.interval;
    expect(difference?.significant).toBe(true);
    expect((difference?.interval?.high ?? 0) - (difference?.interval?.low ?? 0)).toBeLessThan(
      0.1 * ((own?.high ?? 0) - (own?.low ?? 0)),
    );
  });
});
