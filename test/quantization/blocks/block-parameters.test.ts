// Scale and zero point of a block: formulas by hand, and the search against trying many ranges.
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/numeric/index.js';
import {
  type BlockScheme,
  findBlockParameters,
  quantizeInBlock,
} from '../../../src/quantization/blocks/block-parameters.js';

function parametersOf(values: readonly number[] | Float32Array, scheme: Partial<BlockScheme>) {
  const result = { scale: 0, zeroPoint: 0 };
  const complete = { bits: 4, blockSize: 32, symmetric: true, search: 'rtn', ...scheme } as const;
  findBlockParameters(Float32Array.from(values), 0, values.length, complete, result);
  return result;
}

function errorOf(values: Float32Array, { scale, zeroPoint }: { scale: number; zeroPoint: number }): number {
  return values.reduce(
    (sum, x) => sum + (x - (quantizeInBlock(x, { scale, zeroPoint }, 15) - zeroPoint) * scale) ** 2,
    0,
  );
}

describe('findBlockParameters', () => {
  it('turns the longer side of a symmetric range to the extreme', () => {
    expect(parametersOf([-4, 1, 2], {})).toEqual({ scale: 0.5, zeroPoint: 8 });
    expect(parametersOf([-1, 1, 4], {})).toEqual({ scale: -0.5, zeroPoint: 8 });
    expect(parametersOf([-1, 1, 4], { bits: 8 })).toEqual({ scale: -4 / 128, zeroPoint: 128 });
  });

  it('covers an asymmetric range, zero included', () => {
    expect(parametersOf([-5, 1, 10], { symmetric: false })).toEqual({ scale: 1, zeroPoint: 5 });
    expect(parametersOf([15, 30], { symmetric: false })).toEqual({ scale: 2, zeroPoint: 0 });
  });

  it('has a scale for zeros', () => {
    expect(parametersOf([0, 0], {}).scale).toBe(1);
    expect(parametersOf([0, 0], { symmetric: false, search: 'mse-clip' }).scale).toBe(1);
  });

  it.each([true, false])('finds a range with less error than the full one (symmetric: %s)', (symmetric) => {
    const random = createRandom(1);
    let full = 0;
    let found = 0;
    for (let block = 0; block < 100; block++) {
      const values = Float32Array.from({ length: 32 }, () => random.normal());
      full += errorOf(values, parametersOf(values, { symmetric }));
      const searched = errorOf(values, parametersOf(values, { symmetric, search: 'mse-clip' }));
      expect(searched).toBeLessThanOrEqual(errorOf(values, parametersOf(values, { symmetric })) * (1 + 1e-6));
      found += searched;
    }
    expect(found).toBeLessThan(0.96 * full);
  });
});
