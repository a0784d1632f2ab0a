import { describe, expect, test } from 'vitest';
import { builtinPasses } from '../../../passes/index.js';
import type { Feeds } from '../../../src/engine/index.js';
import { cloneModel, type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom, multiply } from '../../../src/numeric/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { type Pass, type PassReport, runPass } from '../../../src/pass/index.js';
import { float32Tensor, sizeOf } from '../../../src/tensor/index.js';
import { engine, feedsFor, outputsOf, relativeError, runOnCopy } from '../../fixture-models.js';
import { randomMatrix } from '../../numeric/linear-algebra/reference.js';

function pass(name: string): Pass {
  return (builtinPasses as readonly Pass[]).find((candidate) => candidate.name === name)!;
}

/** A model whose weights, written as {...}, are normal numbers of a fixed seed. */
function model(text: string): Model {
  const random = createRandom(11);
  return parseModel(text, {
    elided: (_name, _dataType, shape) => {
      const values = Float32Array.from({ length: sizeOf(shape) }, () => random.normal() / 8);
      return float32Tensor(shape, values);
    },
  });
}

const header = '<ir_version: 8, opset_import: ["" : 17]>\n';
const conv = (attributes: string, weight: string, input = '12,9,11'): Model =>
  model(
    `${header}graph (float[2,${input}] x) => (float y) <float[${weight}] w = {...}, float[16] b = {...}> { [c] y = Conv <${attributes}> (x, w, b) }`,
  );

const whole = { rank: 'full', allowLarger: true, checkSpeed: false, minimumSize: 1 };

describe('full ranks reproduce', () => {
  const models: Record<string, readonly [string, Model]> = {
    'padding, strides and dilations': [
      'tucker',
      conv('kernel_shape = [3, 5], strides = [2, 1], dilations = [1, 2], pads = [1, 0, 2, 3]', '16,12,3,5'),
    ],
    'padding by the engine': ['tucker', conv('auto_pad = "SAME_UPPER", strides = [2, 2]', '16,12,3,3')],
    groups: ['tucker', conv('group = 2, pads = [1, 1, 1, 1]', '16,6,3,3')],
    'one axis': ['tucker', conv('pads = [2, 0]', '16,12,5', '12,20')],
    'k × 1 and 1 × k': [
      'spatial',
      conv('kernel_shape = [3, 5], strides = [2, 3], dilations = [2, 1], pads = [1, 0, 2, 3]', '16,12,3,5'),
    ],
    'k × 1 and 1 × k, padded by the engine, in groups': [
      'spatial',
      conv('auto_pad = "SAME_LOWER", strides = [2, 2], group = 2', '16,6,3,3'),
    ],
    '1 × 1 with strides': ['low-rank', conv('strides = [2, 2]', '16,12,1,1')],
    '1 × 1 in groups': ['low-rank', conv('group = 2', '16,6,1,1')],
    Gemm: [
      'low-rank',
      model(
        `${header}graph (float[3,10] x) => (float[3,12] y) <float[12,10] w = {...}, float[12] b = {...}> { y = Gemm <alpha = 0.5, beta = 2.0, transB = 1> (x, w, b) }`,
      ),
    ],
    'MatMul with bias, through Transpose': [
      'low-rank',
      model(
        `${header}graph (float[2,3,10] x) => (float[2,3,12] y) <float[12,10] w = {...}, float[12] b = {...}> { t = Transpose <perm = [1, 0]> (w)  p = MatMul (x, t)  y = Add (p, b) }`,
      ),
    ],
  };
  test.each(Object.entries(models))('%s', async (_name, [passName, original]) => {
    const { model: made, report } = await runOnCopy(original, pass(passName), whole);
    expect(report.changed).toHaveLength(1);
    expect([...made.graph.nodes()].length).toBeGreaterThan([...original.graph.nodes()].length - 1);
    const feeds = feedsFor(original);
    const [expected, actual] = [await outputsOf(original, feeds), await outputsOf(made, feeds)];
    expect(relativeError(actual.y, expected.y)).toBeLessThan(1e-4);
  });
});

const chain = model(`${header}
  graph (float[n,24] x) => (float[n,24] y) <
    float[24,48] w1 = {...}, float[48] b1 = {...}, float[48,24] w2 = {...}, float[24] b2 = {...}, float[24,24] w3 = {...}, float[24] b3 = {...}
  > {
    [one] p1 = MatMul (x, w1)  h1 = Add (p1, b1)  r1 = Relu (h1)
    [two] p2 = MatMul (r1, w2)  h2 = Add (p2, b2)  s = Add (h2, x)
    [three] y = Gemm (s, w3, b3)
  }`);

/** Inputs of rank 6 and a mean, so that there is something to gain from knowing them. */
function lowRankSamples(seed: number, count: number): Feeds[] {
  const directions = randomMatrix(6, 24, 99);
  return Array.from({ length: count }, (_, index) => {
    const rows = multiply(randomMatrix(20, 6, seed + index), directions);
    return {
      x: float32Tensor(
        [20, 24],
        Float32Array.from(rows.data, (value) => value + 0.5),
      ),
    };
  });
}

async function run(name: string, options: Record<string, unknown>, feeds: readonly Feeds[] | null) {
  const made = cloneModel(chain);
  const samples = feeds && {
    [Symbol.asyncIterator]: async function* () {
      yield* feeds;
    },
  };
  const { signal } = new AbortController();
  const environment = { original: chain, engine, workers: inlineWorkers, samples, signal, seed: 0 };
  const report = await runPass(made, pass(name), { checkSpeed: false, minimumSize: 1, ...options }, environment);
  return { made, report };
}

async function errorOf(made: Model, feeds: readonly Feeds[]): Promise<number> {
  let error = 0;
  let size = 0;
  for (const one of feeds) {
    const [a, b] = [(await outputsOf(chain, one)).y.readFloat32(), (await outputsOf(made, one)).y.readFloat32()];
    for (let i = 0; i < a.length; i++) {
      error += (a[i] - b[i]) ** 2;
      size += a[i] ** 2;
    }
  }
  return error / size;
}

describe('real inputs', () => {
  const calibration = lowRankSamples(1, 40);
  const unseen = lowRankSamples(1000, 5);

  test('plain, scaled, whitened, whitened and fitted: each comes nearer on inputs not seen', async () => {
    const errors: number[] = [];
    for (const options of [
      { weighting: 'plain', refit: false },
      { weighting: 'whitened', refit: false },
      { weighting: 'whitened', refit: true },
    ]) {
      const { made, report } = await run('low-rank', { ratio: '60%', rankMultiple: 1, ...options }, calibration);
      expect(report.changed).toHaveLength(3);
      errors.push(await errorOf(made, unseen));
    }
    expect(errors[1]).toBeLessThan(errors[0] / 2);
    expect(errors[2]).toBeLessThan(errors[1]);
    const { made } = await run(
      'low-rank',
      { ratio: '60%', rankMultiple: 1, weighting: 'scaled', refit: false },
      calibration,
    );
    expect(await errorOf(made, unseen)).toBeLessThan(1);
  });

  test('a budget is kept, and told', async () => {
    const { report } = await run('decompose', { targetParams: '60%' }, calibration);
    const { 'parameters before': before, 'parameters after': after } = report.metrics;
    expect(before).toBe(24 * 48 * 2 + 24 * 24);
    expect(after / before).toBeLessThanOrEqual(0.6);
    expect(after / before).toBeGreaterThan(0.4);
    expect(report.warnings).toEqual([]);
  });

  test('what cannot be reached is told', async () => {
    const { report } = await run('low-rank', { targetParams: '1%' }, null);
    expect(report.warnings.join()).toContain('of 1.0 %');
  });
});

describe('bad options', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ ratio: 0.5, energy: 0.9 }, 'ratio and energy'],
    [{ ratio: '500%' }, 'not a share'],
    [{ ratio: 'half' }, 'option ratio'],
    [{ weighting: 'whitened' }, 'needs samples'],
    [{ targetParams: 0.5, sensitivity: 'measured' }, 'measured on samples'],
  ])('%j', async (options, message) => {
    await expect(run('low-rank', options, null)).rejects.toThrow(message);
  });
});

test('energy, ratio, rank and vbmf choose what they say', async () => {
  const ranks = ({ changed }: PassReport): string[] => changed.map(({ what }) => what.split(':')[0]);
  expect(ranks((await run('low-rank', { rank: 4, rankMultiple: 4 }, null)).report)).toEqual([
    'rank 4',
    'rank 4',
    'rank 4',
  ]);
  expect((await run('low-rank', { rank: 'vbmf', rankMultiple: 1 }, null)).report.changed.length).toBeGreaterThan(0);
  expect((await run('low-rank', { energy: 0.5 }, null)).report.changed).toHaveLength(3);
  const { report } = await run('low-rank', { energy: 1 }, null);
  expect(report.changed).toEqual([]);
  expect(report.skipped[0].reason).toContain('keeps 1 of its energy');
});

describe('share-basis', () => {
  const block = (input: string, index: number): string => `
    [b${index}_q] q${index} = MatMul (${input}, wq${index})
    [b${index}_k] k${index} = MatMul (${input}, wk${index})
    s${index} = Mul (q${index}, k${index})
    [b${index}_o] p${index} = MatMul (s${index}, wo${index})
    o${index} = Add (p${index}, bo${index})
    x${index + 1} = Add (o${index}, ${input})`;
  const weights = [0, 1].flatMap((i) => [
    ...['wq', 'wk', 'wo'].map((name) => `float[24,24] ${name}${i} = {...}`),
    `float[24] bo${i} = {...}`,
  ]);
  const blocks = model(
    `${header}graph (float[n,24] x0) => (float[n,24] x2) <${weights.join(', ')}> { ${block('x0', 0)} ${block('x1', 1)} }`,
  );
  const feedsOf = (seed: number, count: number): Feeds[] => lowRankSamples(seed, count).map(({ x }) => ({ x0: x }));

  async function share(options: Record<string, unknown>, feeds: readonly Feeds[] | null) {
    const made = cloneModel(blocks);
    const samples = feeds && {
      [Symbol.asyncIterator]: async function* () {
        yield* feeds;
      },
    };
    const { signal } = new AbortController();
    const environment = { original: blocks, engine, workers: inlineWorkers, samples, signal, seed: 0 };
    const report = await runPass(made, pass('share-basis'), { minimumSize: 1, ...options }, environment);
    return { made, report };
  }

  async function difference(made: Model, feeds: Feeds): Promise<number> {
    const [actual, expected] = [await outputsOf(made, feeds), await outputsOf(blocks, feeds)];
    return relativeError(actual.x2, expected.x2);
  }

  test('stores the basis once, and computes it once where the input is the same', async () => {
    const { made, report } = await share({ targetParams: '60%', checkSpeed: false }, null);
    const wide = [...made.graph.initializers].filter(({ constant }) => constant?.shape.length === 2);
    const products = [...made.graph.nodes()].filter((node) => node.is('MatMul'));
    expect(report.changed.length).toBeGreaterThanOrEqual(4);
    const shared = wide.filter(({ uses }) => uses.size === 2);
    expect(shared.length).toBeGreaterThanOrEqual(1);
    // Two blocks: one product with the basis each, then query and key.
    const [{ uses }] = shared;
    for (const { node } of uses) expect(node.output.uses.size).toBeLessThanOrEqual(2);
    expect(products.length).toBeLessThan(2 * 6);
    const stored = wide.reduce((sum, { constant }) => sum + constant!.size, 0);
    expect(stored / (6 * 24 * 24)).toBeLessThanOrEqual(0.6);
    expect(report.metrics['parameters after']).toBe(stored);
  });

  test('real inputs of low rank are reproduced from a basis of their rank', async () => {
    const { made } = await share({ targetParams: '75%', rankMultiple: 1 }, feedsOf(1, 40));
    const { made: blind } = await share({ targetParams: '75%', rankMultiple: 1 }, null);
    const [feeds] = feedsOf(1000, 1);
    expect(await difference(made, feeds)).toBeLessThan((await difference(blind, feeds)) / 2);
  });

  test('stacked weights of full Tucker rank share both bases, and keep cores', async () => {
    const numbers = randomMatrix(24, 24, 7).data;
    const planted = parseModel(
      `${header}graph (float[n,24] x) => (float[n,24] q, float[n,24] k, float[n,24] v) <float[24,24] w0 = {...}, float[24,24] w1 = {...}, float[24,24] w2 = {...}, float[24] b = {...}>
        { q = MatMul (x, w0)  m = MatMul (x, w1)  k = Add (m, b)  v = MatMul (x, w2) }`,
      {
        elided: (name, _dataType, shape) => {
          const core = Number(name.slice(1)) * 16;
          const weight = (i: number): number => {
            let sum = 0;
            for (let a = 0; a < 3; a++) {
              for (let b = 0; b < 3; b++) {
                sum +=
                  numbers[Math.floor(i / 24) * 4 + a] *
                  numbers[300 + core + a * 4 + b] *
                  numbers[200 + (i % 24) * 4 + b];
              }
            }
            return sum;
          };
          return float32Tensor(
            shape,
            Float32Array.from({ length: sizeOf(shape) }, (_, i) => (name === 'b' ? i / 24 : weight(i))),
          );
        },
      },
    );
    const options = { targetParams: '10%', outputBasis: true, rankMultiple: 1, minimumSize: 1, blocks: 1 };
    const { model: made, report } = await runOnCopy(planted, pass('share-basis'), options);
    expect(report.changed.map(({ what }) => what)).toEqual(Array(3).fill('rank 3, 3, shared by 3'));
    // The basis of the inputs, that of the outputs, three cores.
    expect(report.metrics['parameters after']).toBe(3 * 24 + 3 * 9 + 3 * 24);
    const matrices = [...made.graph.initializers].filter(({ constant }) => constant?.shape.length === 2);
    expect(matrices).toHaveLength(5);
    const feeds = feedsFor(planted);
    const [before, after] = [await outputsOf(planted, feeds), await outputsOf(made, feeds)];
    for (const name of ['q', 'k', 'v']) expect(relativeError(after[name], before[name])).toBeLessThan(1e-4);
  });

  test('what has nothing to share with says so', async () => {
    const { report } = await share({ blocks: 1, checkSpeed: false }, null);
    const reasons = report.skipped.filter(({ target }) => target.endsWith('_o')).map(({ reason }) => reason);
    expect(reasons).toHaveLength(2);
    for (const reason of reasons) expect(reason).toContain('no other product');
  });
});

test('weights that are not finite are left alone', async () => {
  const broken = parseModel(
    `${header}graph (float[n,8] x) => (float[n,8] y) <float[8,8] w = {...}> { [m] y = MatMul (x, w) }`,
    { elided: (_name, _dataType, shape) => float32Tensor(shape, new Float32Array(64).fill(Number.NaN)) },
  );
  const { report } = await runOnCopy(broken, pass('decompose'), { ratio: 0.5, checkSpeed: false, minimumSize: 1 });
  expect(report.changed).toEqual([]);
  expect(report.skipped).toEqual([{ target: 'm', reason: 'its weight has elements that are not finite' }]);
});

describe('each convolution is taken apart in the way that loses less', () => {
  const planted = (build: (output: number, input: number, row: number, column: number) => number): Model =>
    parseModel(
      `${header}graph (float[2,16,8,8] x) => (float y) <float[16,16,3,3] w = {...}> { [c] y = Conv <pads = [1, 1, 1, 1]> (x, w) }`,
      {
        elided: (_name, _dataType, shape) =>
          float32Tensor(
            shape,
            Float32Array.from({ length: sizeOf(shape) }, (_, i) =>
              build(Math.floor(i / 144), Math.floor(i / 9) % 16, Math.floor(i / 3) % 3, i % 3),
            ),
          ),
      },
    );
  const random = createRandom(5);
  const numbers = Float32Array.from({ length: 4096 }, () => random.normal());
  const weights: Record<string, Model> = {
    // Rank 2 between (input, row) and (output, column), of which ranks 3, 6 … are tried, and full rank between channels.
    'spatial, rank 3': planted((output, input, row, column) => {
      const first = numbers[input * 3 + row] * numbers[100 + output * 3 + column];
      return first + numbers[200 + input * 3 + row] * numbers[300 + output * 3 + column];
    }),
    // Two input and two output channels, with full kernels between them.
    'tucker, rank 2, 2': planted((output, input, row, column) => {
      let sum = 0;
      for (let a = 0; a < 2; a++) {
        for (let b = 0; b < 2; b++) {
          const kernel = numbers[600 + ((a * 2 + b) * 3 + row) * 3 + column];
          sum += numbers[400 + output * 2 + a] * numbers[500 + input * 2 + b] * kernel;
        }
      }
      return sum;
    }),
  };
  test.each(Object.entries(weights))('%s', async (expected, original) => {
    const options = { energy: 0.9999, rankMultiple: 1, checkSpeed: false, minimumSize: 1 };
    const { model: made, report } = await runOnCopy(original, pass('decompose'), options);
    expect(report.changed[0].what).toContain(`${expected}:`);
    const feeds = feedsFor(original);
    const [before, after] = [await outputsOf(original, feeds), await outputsOf(made, feeds)];
    expect(relativeError(after.y, before.y)).toBeLessThan(1e-4);
  });
});
