import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canSaturate, extremePairSums } from '../../../src/quantization/index.js';

/** What vpmaddubsw could reach, by trying activations 0 and 255 for both elements of every pair. */
function bruteForce(weights: readonly (readonly number[])[]): boolean {
  for (let k = 0; k < weights.length; k += 2) {
    for (const [n, w] of weights[k].entries()) {
      for (const first of [0, 255]) {
        for (const second of [0, 255]) {
          const sum = first * w + second * (weights[k + 1]?.[n] ?? 0);
          if (sum > 32767 || sum < -32768) return true;
        }
      }
    }
  }
  return false;
}

describe('canSaturate', () => {
  it('knows the bounds: 128 is safe, 129 is not, on either side', () => {
    const pair = (a: number, b: number) => canSaturate(Int8Array.of(a, b), { k: 2, n: 1 });
    expect([pair(64, 64), pair(127, 1), pair(127, 2), pair(65, 64)]).toEqual([false, false, true, true]);
    expect([pair(-64, -64), pair(-128, 0), pair(-128, -1), pair(127, -128)]).toEqual([false, false, true, false]);
  });

  it('pairs rows 0 and 1, 2 and 3 only, unless any order may occur', () => {
    const weights = Int8Array.of(0, 100, 100, 0);
    expect(canSaturate(weights, { k: 4, n: 1 })).toBe(false);
    expect(canSaturate(weights, { k: 4, n: 1, pairing: 'any' })).toBe(true);
    expect(extremePairSums(weights, { k: 4, n: 1 })).toEqual({ largest: 25500, smallest: 0 });
    expect(canSaturate(Int8Array.of(127, 127), { k: 2, n: 1, maximumActivation: 127 })).toBe(false);
  });

  it('agrees with trying all extremes, in both layouts', () => {
    const column = fc.array(fc.constantFrom(-128, -100, -65, -64, -1, 0, 28, 64, 65, 127), {
      minLength: 2,
      maxLength: 2,
    });
    fc.assert(
      fc.property(fc.array(column, { minLength: 1, maxLength: 7 }), (rows) => {
        const k = rows.length;
        const expected = bruteForce(rows);
        expect(canSaturate(Int8Array.from(rows.flat()), { k, n: 2 })).toBe(expected);
        const transposed = Int8Array.from([0, 1].flatMap((n) => rows.map((row) => row[n])));
        expect(canSaturate(transposed, { k, n: 2, transposed: true })).toBe(expected);
        const any = { k, n: 2, pairing: 'any' } as const;
        const sums = extremePairSums(transposed, { ...any, transposed: true });
        expect(extremePairSums(Int8Array.from(rows.flat()), any)).toEqual(sums);
        const sorted = [0, 1].map((n) => rows.map((row) => Math.max(row[n], 0)).sort((x, y) => y - x));
        expect(sums.largest).toBe(255 * Math.max(...sorted.map(([x, y = 0]) => x + y)));
      }),
    );
  });

  it('refuses a matrix of another size', () => {
    expect(() => canSaturate(new Int8Array(5), { k: 2, n: 2 })).toThrow(RangeError);
  });
});
