import { describe, expect, test } from 'vitest';
import { smallestCount } from '../../src/quantize-within/smallest-count.js';

describe('smallestCount', () => {
  test.each([
    [10, 1],
    [10, 7],
    [10, 10],
    [1, 1],
    [100, 37],
  ])('of %i finds %i, asking for few', async (most, least) => {
    let asked = 0;
    const holds = async (count: number): Promise<boolean> => {
      asked++;
      return count >= least;
    };
    expect(await smallestCount(most, holds)).toBe(least);
    expect(asked).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(most + 1)));
  });

  test('gives null where nothing helps', async () => {
    expect(await smallestCount(5, async () => false)).toBeNull();
    expect(await smallestCount(0, async () => true)).toBeNull();
  });
});
