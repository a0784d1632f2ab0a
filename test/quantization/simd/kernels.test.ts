// The kernels are those of their source; packing by them against the arithmetic of packed-multiplier.ts, block by block.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createRandom, roundHalfToEven } from '../../../src/numeric/index.js';
import { findBlockParameters, quantizeInBlock } from '../../../src/quantization/blocks/block-parameters.js';
import { parametersByKernels } from '../../../src/quantization/blocks/blocks-by-kernels.js';
import {
  findMultipliersByKernels,
  integersByKernels,
  multipliersByKernels,
  scalesByKernels,
} from '../../../src/quantization/packed/pack-by-kernels.js';
import type { PackedLayout } from '../../../src/quantization/packed/pack-weight.js';
import {
  type PackedWidth,
  packedLevels,
  packedScale,
  selectMultiplier,
} from '../../../src/quantization/packed/packed-multiplier.js';
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

function errorOf(values: Float32Array, step: number, bits: PackedWidth, power = 2): number {
  const { lowest, highest } = packedLevels(bits);
  const rounded = (x: number): number => Math.max(lowest, Math.min(highest, roundHalfToEven(x / step)));
  return values.reduce((sum, x) => sum + Math.abs(x - rounded(x) * step) ** power, 0);
}

describe.each([4, 3, 2, 1.6] as const)('%d bits', (bits) => {
  it.each(layouts)('packs $outer × $k × $inner in blocks of $blockSize', (layout) => {
    const { outer, k, inner } = layout;
    const random = createRandom(bits + k);
    const values = Float32Array.from({ length: outer * k * inner }, (_, i) => (i % 7 === 0 ? 3 : 1) * random.normal());
    const tensor = float32Tensor([values.length], values);
    for (const search of ['rtn', 'mse-clip', 'hqq'] as const) {
      const scale = scalesByKernels(tensor, layout, bits)!;
      const multipliers = multipliersByKernels(tensor, layout, bits, scale, search);
      const found = findMultipliersByKernels(tensor, layout, bits, search)!;
      expect(found).toEqual({ scale, multipliers });
      const blocks = blocksOf(values, layout, found.scale);
      const integers = [...integersByKernels(tensor, layout, bits, scale, multipliers)].flatMap((piece) => [
        ...piece.integers,
      ]);
      expect(integers).toHaveLength(values.length);
      const again = [...integersByKernels(tensor, layout, bits, scale, search)].flatMap((piece) => [...piece.integers]);
      expect(again).toEqual(integers);
      for (const [index, block] of blocks.entries()) {
        const multiplier = found.multipliers[index];
        const reference = selectMultiplier(block.values, 0, block.values.length, block.scale, bits, search);
        const power = search === 'hqq' ? 0.7 : 2;
        const error = errorOf(block.values, multiplier * block.scale, bits, power);
        // In float32 two that are as good as equal may change places.
        expect(error).toBeLessThanOrEqual(errorOf(block.values, reference * block.scale, bits, power) * 1.0001);
        if (search === 'rtn') expect(multiplier).toBe(reference);
        const { lowest, highest } = packedLevels(bits);
        const far = block.places.findIndex((place, row) => {
          const exact = block.values[row] / (multiplier * block.scale);
          const q = integers[place];
          const nearest = Math.max(lowest, Math.min(highest, exact));
          return q < lowest || q > highest || Math.abs(q - nearest) > 0.50001;
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
] as const)('blocks of %d bits, symmetric: %s', (bits, symmetric) => {
  it.each([
    [64, 48, 32],
    [70, 19, 32],
    [33, 5, 16],
  ])('of [%i, %i] by %i have the parameters of block-parameters.ts', (k, n, blockSize) => {
    const random = createRandom(k + bits);
    const values = Float32Array.from({ length: k * n }, () => random.normal() + 0.2);
    values.fill(0, 0, blockSize * n);
    for (const rows of [false, true]) {
      for (const search of ['rtn', 'mse-clip', 'hqq'] as const) {
        const scheme = { bits, symmetric, blockSize, search };
        let visited = 0;
        let [total, least] = [0, 0];
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
                const error = x - (quantizeInBlock(x, parameters, 2 ** bits - 1) - zeroPoint) * scale;
                return sum + (search === 'hqq' ? Math.abs(error) ** 0.7 : error ** 2);
              }, 0);
            const [ours, theirs] = [cost(...found), cost(expected.scale, expected.zeroPoint)];
            total += ours;
            least += theirs;
            // Half-quadratic splitting may end in another valley, here or there.
            if (search !== 'hqq') expect(ours).toBeLessThanOrEqual(theirs * 1.001);
          },
        );
        expect(visited).toBe(n * Math.ceil(k / blockSize));
        expect(total).toBeLessThanOrEqual(least * (bits === 8 ? 1.2 : 1.1));
      }
    }
  });
});

// From HQQWeightOnlyQuantizer.quantize_internal of onnxruntime 1.30 with torch, for blocks whose range makes the scale 1.
const zeroPoints = [
  7.021658420562744, 7.134599685668945, 7.014198303222656, 6.974108695983887, 7.145577907562256, 6.967729568481445,
];

it.each([false, true])('finds zero points that are floats as HQQ does, rows: %s', (rows) => {
  const [k, n] = [32, zeroPoints.length];
  const value = (i: number, b: number): number =>
    i === 0 ? -7 : i === 1 ? 8 : 2.5 * Math.sin(1.7 * i * (b + 1)) + 0.31 * b;
  const values = Float32Array.from({ length: k * n }, (_, at) =>
    rows ? value(at % k, Math.floor(at / k)) : value(Math.floor(at / n), at % n),
  );
  const scheme = { bits: 4, blockSize: 32, symmetric: false, search: 'hqq', floatZeroPoints: true } as const;
  const found: number[] = [];
  const scales: number[] = [];
  parametersByKernels(
    float32Tensor([values.length], values),
    { k, n, rows },
    scheme,
    (channel, _, scale, zeroPoint) => {
      found[channel] = zeroPoint;
      scales.push(scale);
    },
  );
  for (const [channel, zeroPoint] of zeroPoints.entries()) expect(found[channel]).toBeCloseTo(zeroPoint, 4);
  expect(new Set(scales)).toEqual(new Set([1]));
});

it('finds the scales of channels, and what is not finite', () => {
  const values = new Float32Array(64).fill(0.25);
  values[5] = -7;
  values[6] = 8;
  const layout: PackedLayout = { outer: 1, k: 16, inner: 4, blockSize: 16 };
  const scale = (minimum: number, maximum: number): number => packedScale(minimum, maximum, 4);
  const found = scalesByKernels(float32Tensor([16, 4], values), layout, 4);
  expect(found).toEqual(Float32Array.of(scale(0, 0.25), scale(-7, 0.25), scale(0, 8), scale(0, 0.25)));
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    expect(scalesByKernels(float32Tensor([16, 4], values.with(63, bad)), layout, 4)).toBeNull();
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
