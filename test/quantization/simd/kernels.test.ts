// The kernels are those of their source; packing by them against the arithmetic of packed-multiplier.ts, block by block.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createRandom, roundHalfToEven } from '../../../src/numeric/index.js';
import { findBlockParameters, quantizeInBlock } from '../../../src/quantization/block-parameters.js';
import { parametersByKernels } from '../../../src/quantization/blocks-by-kernels.js';
import { findMultipliersByKernels, integersByKernels } from '../../../src/quantization/pack-by-kernels.js';
import type { PackedLayout } from '../../../src/quantization/pack-weight.js';
import { type PackedWidth, packedScale, selectMultiplier } from '../../../src/quantization/packed-multiplier.js';
import { kernels } from '../../../src/quantization/simd/kernels.js';
import { sourceDigest } from '../../../src/quantization/simd/kernels-binary.js';
import { float32Tensor } from '../../../src/tensor/index.js';

it('is compiled from the source at hand', () => {
  const source = readFileSync(new URL('../../../src/quantization/simd/kernels.as', import.meta.url));
  expect(createHash('sha256').update(source).digest('hex')).toBe(sourceDigest);
});

const layouts: readonly PackedLayout[] = [
  { outer: 1, k: 64, inner: 48, blockSize: 16 },
  { outer: 1, k: 96, inner: 5, blockSize: 32 },
  { outer: 1, k: 27, inner: 19, blockSize: 9 },
  { outer: 1, k: 256, inner: 1, blockSize: 256 },
  { outer: 21, k: 48, inner: 1, blockSize: 16 },
  { outer: 3, k: 30, inner: 1, blockSize: 10 },
  { outer: 2, k: 32, inner: 18, blockSize: 32 },
];

/** The values of each block, the scale of its channel, and the places of its elements. */
function blocksOf(values: Float32Array, { outer, k, inner, blockSize }: PackedLayout, scale: Float32Array) {
  return Array.from({ length: (outer * k * inner) / blockSize }, (_, block) => {
    const column = block % inner;
    const first = Math.floor(block / inner) * blockSize;
    const places = Array.from({ length: blockSize }, (_, row) => (first + row) * inner + column);
    const channel = inner === 1 ? Math.floor(first / k) : column;
    return { values: Float32Array.from(places, (place) => values[place]), scale: scale[channel], places };
  });
}

function errorOf(values: Float32Array, step: number, bits: PackedWidth): number {
  const lowest = -(2 ** (bits - 1));
  const rounded = (x: number): number => Math.max(lowest, Math.min(-lowest - 1, roundHalfToEven(x / step)));
  return values.reduce((sum, x) => sum + (x - rounded(x) * step) ** 2, 0);
}

describe.each([4, 3, 2] as const)('%i bits', (bits) => {
  it.each(layouts)('packs $outer × $k × $inner in blocks of $blockSize', (layout) => {
    const { outer, k, inner } = layout;
    const random = createRandom(bits + k);
    const values = Float32Array.from({ length: outer * k * inner }, (_, i) => (i % 7 === 0 ? 3 : 1) * random.normal());
    const tensor = float32Tensor([values.length], values);
    for (const cutOff of [false, true]) {
      const found = findMultipliersByKernels(tensor, layout, bits, cutOff)!;
      const blocks = blocksOf(values, layout, found.scale);
      const integers = [...integersByKernels(tensor, layout, bits, found)].flatMap((piece) => [...piece.integers]);
      expect(integers).toHaveLength(values.length);
      for (const [index, block] of blocks.entries()) {
        const multiplier = found.multipliers[index];
        const search = cutOff ? 'mse-clip' : 'rtn';
        const reference = selectMultiplier(block.values, 0, block.values.length, block.scale, bits, search);
        const error = errorOf(block.values, multiplier * block.scale, bits);
        // In float32 two that are as good as equal may change places.
        expect(error).toBeLessThanOrEqual(errorOf(block.values, reference * block.scale, bits) * 1.0001);
        if (!cutOff) expect(multiplier).toBe(reference);
        const lowest = -(2 ** (bits - 1));
        const far = block.places.findIndex((place, row) => {
          const exact = block.values[row] / (multiplier * block.scale);
          const q = integers[place];
          const nearest = Math.max(lowest, Math.min(-lowest - 1, exact));
          return q < lowest || q >= -lowest || Math.abs(q - nearest) > 0.50001;
        });
        expect(far).toBe(-1);
      }
    }
  });
});

describe.each([
  [8, true],
  [8, false],
  [4, true],
  [4, false],
] as const)('blocks of %i bits, symmetric: %s', (bits, symmetric) => {
  it.each([
    [64, 48, 32],
    [70, 19, 32],
    [33, 5, 16],
  ])('of [%i, %i] by %i have the parameters of block-parameters.ts', (k, n, blockSize) => {
    const random = createRandom(k + bits);
    const values = Float32Array.from({ length: k * n }, () => random.normal() + 0.2);
    values.fill(0, 0, blockSize * n);
    for (const rows of [false, true]) {
      for (const search of ['rtn', 'mse-clip'] as const) {
        const scheme = { bits, symmetric, blockSize, search };
        let visited = 0;
        parametersByKernels(
          float32Tensor([values.length], values),
          { k, n, rows },
          scheme,
          (channel, block, ...found) => {
            visited++;
            const places = Array.from({ length: Math.min(blockSize, k - block * blockSize) }, (_, i) => {
              const row = block * blockSize + i;
              return rows ? channel * k + row : row * n + channel;
            });
            const elements = Float32Array.from(places, (place) => values[place]);
            const expected = { scale: 1, zeroPoint: 0 };
            findBlockParameters(elements, 0, elements.length, scheme, expected);
            if (search === 'rtn') expect(found).toEqual([expected.scale, expected.zeroPoint]);
            const cost = (scale: number, zeroPoint: number): number =>
              elements.reduce((sum, x) => {
                const parameters = { scale, zeroPoint };
                return sum + (x - (quantizeInBlock(x, parameters, 2 ** bits - 1) - zeroPoint) * scale) ** 2;
              }, 0);
            expect(cost(...found)).toBeLessThanOrEqual(cost(expected.scale, expected.zeroPoint) * 1.001);
          },
        );
        expect(visited).toBe(n * Math.ceil(k / blockSize));
      }
    }
  });
});

it('finds the scales of channels, and what is not finite', () => {
  const values = new Float32Array(64).fill(0.25);
  values[5] = -7;
  values[6] = 8;
  const layout: PackedLayout = { outer: 1, k: 16, inner: 4, blockSize: 16 };
  const scale = (minimum: number, maximum: number): number => packedScale(minimum, maximum, 4);
  const found = findMultipliersByKernels(float32Tensor([16, 4], values), layout, 4, true);
  expect(found?.scale).toEqual(Float32Array.of(scale(0, 0.25), scale(-7, 0.25), scale(0, 8), scale(0, 0.25)));
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    expect(findMultipliersByKernels(float32Tensor([16, 4], values.with(63, bad)), layout, 4, true)).toBeNull();
  }
});

it('packs pairs of integers into bytes, the first in the low half', () => {
  const machine = kernels();
  const [place] = machine.reserve(70);
  const values = Int8Array.from({ length: 70 }, (_, i) => (i % 16) - 8);
  machine.int8(place, 70).set(values);
  machine.run.packNibbles(place, 70, place);
  const expected = Array.from({ length: 35 }, (_, i) => (values[2 * i] & 15) | ((values[2 * i + 1] & 15) << 4));
  expect([...machine.bytes(place, 35)]).toEqual(expected);
});
