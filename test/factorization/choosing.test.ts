import { describe, expect, test } from 'vitest';
import { type Alternative, allocate, variationalRank } from '../../src/factorization/index.js';
import { createRandom, multiply } from '../../src/numeric/index.js';
import { randomMatrix } from '../numeric/linear-algebra/reference.js';

describe('a budget', () => {
  const curve = (name: string, ...points: readonly (readonly [number, number])[]): Alternative<string>[] =>
    points.map(([cost, damage], index) => ({ item: `${name}${index}`, cost, damage }));

  test('goes where it does least damage', () => {
    const curves = [curve('a', [10, 0], [6, 1], [4, 5]), curve('b', [10, 0], [6, 3], [4, 4])];
    expect(allocate(curves, 20).items).toEqual(['a0', 'b0']);
    expect(allocate(curves, 16).items).toEqual(['a1', 'b0']);
    // From b0 straight to b2, which lies below the line over b1.
    expect(allocate(curves, 12).items).toEqual(['a1', 'b2']);
    expect(allocate(curves, 8)).toEqual({ items: ['a2', 'b2'], cost: 8, damage: 9 });
  });

  test('ends at what is possible, and before too much damage', () => {
    const curves = [curve('a', [10, 0], [6, 1], [4, 5])];
    expect(allocate(curves, 1).items).toEqual(['a2']);
    expect(allocate(curves, 1, 4).items).toEqual(['a1']);
    expect(allocate([], 1).items).toEqual([]);
  });

  test('is no worse than any other way to meet it, at the budgets that steps meet exactly', () => {
    const random = createRandom(5);
    const curves = Array.from({ length: 4 }, (_, index) => {
      const points = Array.from({ length: 4 }, () => [random.int(20), random.next()] as const);
      return curve(`${index}`, [20, 0], ...points);
    });
    for (const budget of [30, 45, 60]) {
      const { cost, damage } = allocate(curves, budget);
      for (const other of combinations(curves))
        if (other.cost <= cost) expect(other.damage).toBeGreaterThanOrEqual(damage - 1e-12);
    }
  });
});

function combinations(curves: readonly (readonly Alternative<string>[])[]): { cost: number; damage: number }[] {
  return curves.reduce<{ cost: number; damage: number }[]>(
    (sums, curve) =>
      sums.flatMap((sum) => curve.map(({ cost, damage }) => ({ cost: sum.cost + cost, damage: sum.damage + damage }))),
    [{ cost: 0, damage: 0 }],
  );
}

describe('the variational rank', () => {
  test.each([
    [60, 90, 5],
    [50, 50, 8],
    [120, 40, 3],
  ])('of %d × %d is the planted one, %d', (rows, columns, rank) => {
    const signal = multiply(randomMatrix(rows, rank, 1), randomMatrix(rank, columns, 2));
    const noise = randomMatrix(rows, columns, 3);
    for (let i = 0; i < signal.data.length; i++) signal.data[i] += 0.5 * noise.data[i];
    expect(variationalRank(signal)).toBe(rank);
    expect(variationalRank({ rows: columns, columns: rows, data: transposed(signal.data, rows, columns) })).toBe(rank);
  });

  test('of nothing but noise is 1, as of zeros', () => {
    expect(variationalRank(randomMatrix(40, 80))).toBe(1);
    expect(variationalRank({ rows: 3, columns: 3, data: new Float64Array(9) })).toBe(1);
  });
});

function transposed(data: Float64Array, rows: number, columns: number): Float64Array {
  return data.map((_, index) => data[(index % rows) * columns + Math.floor(index / rows)]);
}
