// The choice of multipliers against trying all of them, and the bounds that make INT8 products safe.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/numeric/index.js';
import { type PackedWidth, packedScale, selectMultiplier } from '../../../src/quantization/packed/packed-multiplier.js';

const widths: readonly PackedWidth[] = [2, 3, 4];

function errorOf(block: Float32Array, step: number, bits: number): number {
  const lowest = -(2 ** (bits - 1));
  let sum = 0;
  for (const x of block) {
    const q = Math.max(lowest, Math.min(-lowest - 1, Math.round(x / step)));
    sum += (x - q * step) ** 2;
  }
  return sum;
}

function leastError(block: Float32Array, scale: number, bits: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let m = -8; m <= 7; m++) if (m !== 0) least = Math.min(least, errorOf(block, m * scale, bits));
  return least;
}

describe.each(widths)('%i bits', (bits) => {
  it('loses at most a hundredth against the best of all multipliers, over many blocks', () => {
    const random = createRandom(bits);
    let found = 0;
    let least = 0;
    for (let block = 0; block < 400; block++) {
      const spread = 0.25 + random.next();
      const values = Float32Array.from({ length: 32 }, () => random.normal() * spread);
      const scale = packedScale(-5, 5, bits);
      found += errorOf(values, selectMultiplier(values, 0, 32, scale, bits, 'mse-clip') * scale, bits);
      least += leastError(values, scale, bits);
    }
    expect(found).toBeGreaterThanOrEqual(least);
    expect(found).toBeLessThan(least * 1.01);
  });

  it('cuts no extreme off with rtn: every value of a block of one sign is within half a step', () => {
    const value = fc.integer({ min: 0, max: 1000 }).map((thousandths) => thousandths / 1000);
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 40 }), fc.boolean(), (given, negative) => {
        const values = Float32Array.from(given, (x) => (negative ? -x : x));
        const scale = packedScale(Math.min(0, ...values), Math.max(0, ...values), bits);
        const m = selectMultiplier(values, 0, values.length, scale, bits, 'rtn');
        expect(m === 0 || m < -8 || m > 7).toBe(false);
        const lowest = -(2 ** (bits - 1));
        for (const x of values) {
          const q = Math.max(lowest, Math.min(-lowest - 1, Math.round(x / (m * scale))));
          expect(Math.abs(x - q * m * scale)).toBeLessThanOrEqual(Math.abs(m * scale) * 0.5001);
        }
      }),
    );
  });
});

it('gives a positive extreme the negative side of q, which is one step longer', () => {
  // 8 · -8 · c is -1: c is 1/64.
  const scale = packedScale(0, 1, 4);
  expect(scale).toBe(1 / 64);
  expect(selectMultiplier(Float32Array.of(1, 0.5, -0.25, 0.125), 0, 4, scale, 4, 'rtn')).toBe(-8);
  // 7 multipliers only for a negative one.
  expect(packedScale(-1, 0, 4)).toBe(Math.fround(1 / 56));
});

it('has a scale for channels of zeros and for those too small for normal numbers', () => {
  expect(packedScale(0, 0, 4)).toBe(1);
  expect(packedScale(-1e-44, 1e-44, 4)).toBe(1);
  expect(selectMultiplier(new Float32Array(16), 0, 16, 1, 4, 'mse-clip')).not.toBe(0);
});
