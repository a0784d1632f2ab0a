import { describe, expect, test } from 'vitest';
import {
  applyStages,
  type FamilyName,
  families,
  type OperatorShape,
  type Stage,
  type WeightGroup,
} from '../../src/factorization/index.js';
import { createMatrix, gramOfColumns, type Matrix, matrixFrom } from '../../src/numeric/index.js';
import { distance, randomMatrix } from '../numeric/linear-algebra/reference.js';

const positions = { input: 1, output: 1 };

// numpy.linalg.svd of W, and of W·L with C = L·Lᵀ, cut at rank 2.
const weights = matrixFrom(3, 4, [2.04, -2.56, 0.42, -0.57, -0.45, -0.22, -2.02, -0.23, -0.87, 3.32, 0.23, -0.35]);
const covariance = matrixFrom(
  4,
  4,
  [0.36, -0.06, -0.43, -0.14, -0.06, 0.86, -0.12, -0.31, -0.43, -0.12, 1.38, 0.3, -0.14, -0.31, 0.3, 0.81],
);
const whitened = matrixFrom(
  3,
  4,
  [
    1.2113257465626102, -2.6047333548444684, 0.05067427132322309, -0.049624935785245045, -0.4503254241700049,
    -0.22001756699307473, -2.020145035903092, -0.2297956463318841, -1.527187214686595, 3.284523829777651,
    -0.06289693258163699, 0.0626879019410644,
  ],
);
const plain = matrixFrom(
  3,
  4,
  [
    1.6010335230097388, -2.784364198405224, 0.622724803505233, -0.10314390230991839, -0.6860462923046219,
    -0.3406477941608895, -1.9109883994930787, 0.021043431961190517, -1.2894509122770308, 3.1056105815901187,
    0.4237120673871834, 0.09610061665949113,
  ],
);
const small: OperatorShape = { kind: 'matrix', outputChannels: 3, inputChannels: 4, groups: 1, kernel: [], positions };

test.each([
  ['plain', null, plain, 1.1056949152480429],
  ['whitened', covariance, whitened, 0.6593176834746546],
])('rank 2, %s, is what NumPy gives', (_name, metric, expected, error) => {
  const groups = [{ weights, metric }];
  const stages = families['low-rank'].factors(small, groups, [2]);
  expect(distance(composed(stages, small, 0), expected)).toBeLessThan(1e-12);
  const choice = families['low-rank'].choices(small, groups, 1).find(({ ranks }) => ranks[0] === 2);
  expect(choice?.error).toBeCloseTo(error, 12);
  expect(choice?.parameters).toBe(2 * (3 + 4));
});

const cases: readonly (readonly [string, FamilyName, OperatorShape])[] = [
  ['wide', 'low-rank', { kind: 'matrix', outputChannels: 24, inputChannels: 12, groups: 1, kernel: [], positions }],
  ['narrow', 'low-rank', { kind: 'matrix', outputChannels: 10, inputChannels: 24, groups: 1, kernel: [], positions }],
  ['1 × 1 in groups', 'low-rank', conv(16, 12, 2, [1, 1])],
  ['3 × 3', 'tucker', conv(12, 10, 1, [3, 3])],
  ['in groups', 'tucker', conv(12, 8, 2, [3, 3])],
  ['more outputs than a patch has values', 'tucker', conv(24, 2, 1, [3, 3])],
  ['over one axis', 'tucker', conv(8, 9, 1, [5])],
  ['3 × 5', 'spatial', conv(8, 6, 1, [3, 5])],
  ['3 × 3 in groups', 'spatial', conv(8, 8, 2, [3, 3])],
];

describe.each(cases)('%s: %s', (_name, familyName, shape) => {
  const family = families[familyName];
  for (const weighted of [false, true]) {
    const groups = randomGroups(shape, weighted);

    test(`${weighted ? 'with' : 'without'} a metric, errors and sizes are what the choices say`, () => {
      const choices = family.choices(shape, groups, 4);
      expect(choices.length).toBeGreaterThan(2);
      for (const choice of choices) {
        const stages = family.factors(shape, groups, choice.ranks);
        expect(parametersOf(stages)).toBe(choice.parameters);
        const error = groups.reduce((sum, group, index) => sum + errorOf(group, composed(stages, shape, index)), 0);
        const scale = groups.reduce((sum, group) => sum + errorOf(group, zerosLike(group.weights)), 0);
        // The bases of plain Tucker are improved after the choice.
        if (familyName === 'tucker' && !weighted) expect(error).toBeLessThanOrEqual(choice.error + 1e-9 * scale);
        else expect(Math.abs(error - choice.error)).toBeLessThan(1e-6 * scale);
      }
    });

    test(`${weighted ? 'with' : 'without'} a metric, full ranks reproduce the weights`, () => {
      const stages = family.factors(shape, groups, family.fullRanks(shape));
      for (const [index, group] of groups.entries()) {
        expect(distance(composed(stages, shape, index), group.weights)).toBeLessThan(1e-5);
      }
    });
  }

  test('noise of a planted rank is told from its signal', () => {
    const groups = randomGroups(shape, false);
    for (const rank of family.noiseFreeRanks(shape, groups)) expect(rank).toBeGreaterThanOrEqual(1);
  });
});

test('both factors are of the same size, row by row', () => {
  const shape: OperatorShape = { ...small, outputChannels: 20, inputChannels: 30 };
  const [first, second] = families['low-rank'].factors(shape, randomGroups(shape, true), [5]);
  const [a] = first.weights;
  const [b] = second.weights;
  for (let i = 0; i < 5; i++) {
    const row = Math.hypot(...a.data.subarray(i * 30, (i + 1) * 30));
    const column = Math.hypot(...Array.from({ length: 20 }, (_, output) => b.data[output * 5 + i]));
    expect(row / column).toBeCloseTo(1, 10);
  }
});

test('what cannot be factorized says why', () => {
  expect(families.tucker.obstacle(conv(8, 8, 8, [3, 3]))).toContain('one channel');
  expect(families.tucker.obstacle(conv(8, 8, 1, [1, 1]))).toContain('1 × 1');
  expect(families['low-rank'].obstacle(conv(8, 8, 1, [3, 3]))).toContain('larger than 1 × 1');
  expect(families.spatial.obstacle(conv(8, 8, 1, [1, 3]))).toContain('two axes');
});

function conv(outputChannels: number, inputChannels: number, groups: number, kernel: number[]): OperatorShape {
  return { kind: 'conv', outputChannels, inputChannels, groups, kernel, positions };
}

function randomGroups(
  { outputChannels, inputChannels, groups, kernel }: OperatorShape,
  weighted: boolean,
): WeightGroup[] {
  const columns = (inputChannels / groups) * kernel.reduce((product, length) => product * length, 1);
  return Array.from({ length: groups }, (_, index) => ({
    weights: randomMatrix(outputChannels / groups, columns, index + 1),
    metric: weighted ? gramOfColumns(randomMatrix(2 * columns, columns, index + 7)) : null,
  }));
}

/** What the chain is as one matrix: its columns are what it makes of unit vectors. */
function composed(stages: readonly Stage[], shape: OperatorShape, group: number): Matrix {
  const elements = shape.kernel.reduce((product, length) => product * length, 1);
  const result = createMatrix(shape.outputChannels / shape.groups, (shape.inputChannels / shape.groups) * elements);
  for (let column = 0; column < result.columns; column++) {
    const unit = new Float64Array(result.columns);
    unit[column] = 1;
    for (const [row, value] of applyStages(stages, shape, group, unit).entries()) {
      result.data[row * result.columns + column] = value;
    }
  }
  return result;
}

/** tr((W − W′)·C·(W − W′)ᵀ), term by term. */
function errorOf({ weights: original, metric }: WeightGroup, approximation: Matrix): number {
  const { rows, columns } = original;
  const difference = original.data.map((value, index) => value - approximation.data[index]);
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) {
      const x = difference[row * columns + i];
      if (metric === null) sum += x * x;
      else for (let j = 0; j < columns; j++) sum += x * metric.data[i * columns + j] * difference[row * columns + j];
    }
  }
  return sum;
}

function zerosLike({ rows, columns }: Matrix): Matrix {
  return createMatrix(rows, columns);
}

function parametersOf(stages: readonly Stage[]): number {
  return stages.flatMap(({ weights: all }) => all).reduce((sum, { data }) => sum + data.length, 0);
}
