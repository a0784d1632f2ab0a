// Expected integers were made with QuantizeLinear of onnxruntime 1.30 (opset 21).

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  computeParameters,
  createClipSearch,
  createQuantizedArray,
  dequantizeLinear,
  type Granularity,
  layoutOf,
  type QuantizationParameters,
  type QuantizedType,
  quantizeLinear,
  quantizeRange,
  scanRanges,
  selectClip,
  tryClips,
  typeRange,
} from '../../../src/quantization/index.js';

function parameters(dataType: QuantizedType, scale: number[], zeroPoint: number[]): QuantizationParameters {
  return { dataType, scale: Float32Array.from(scale), zeroPoint: Int32Array.from(zeroPoint), ...typeRange(dataType) };
}

// Shape [2, 3, 4].
const weights = Float32Array.of(
  ...[2.041, -2.556, 0.418, -0.568, -2.263, -1.078, -10.1, -1.16, -0.009, 0.033, 0.002, -0.004],
  ...[-0.281, -0.668, -1.055, -0.391, 2.41, -1.193, 4.789, -0.999, 0, 0.015, 0.005, -0.005],
);

const cases: readonly [string, Granularity, QuantizationParameters, number[]][] = [
  [
    'int8 per channel in the middle',
    { kind: 'channel', axis: 1 },
    parameters('int8', [0.02, 0.1, 0.0003], [3, -5, 0]),
    [105, -125, 24, -25, -28, -16, -106, -17, -30, 110, 7, -13, -11, -30, -50, -17, 19, -17, 43, -15, 0, 50, 17, -17],
  ],
  [
    'uint8 per channel at the end',
    { kind: 'channel', axis: 2 },
    parameters('uint8', [0.02, 0.1, 0.0003, 0.05], [128, 120, 0, 255]),
    [230, 94, 255, 244, 15, 109, 0, 232, 128, 120, 7, 255, 114, 113, 0, 247, 249, 108, 255, 235, 128, 120, 17, 255],
  ],
  [
    'int16 per tensor',
    { kind: 'tensor' },
    parameters('int16', [0.0003], [0]),
    [
      6803, -8520, 1393, -1893, -7543, -3593, -32768, -3867, -30, 110, 7, -13, -937, -2227, -3517, -1303, 8033, -3977,
      15963, -3330, 0, 50, 17, -17,
    ],
  ],
];

describe('quantizeLinear', () => {
  it.each(cases)('agrees with onnxruntime: %s', (_, granularity, given, expected) => {
    const layout = layoutOf([2, 3, 4], granularity);
    expect([...quantizeLinear(weights, layout, given)]).toEqual(expected);
    for (const piece of [1, 5, 7]) {
      const output = createQuantizedArray(given.dataType, weights.length);
      for (let first = 0; first < weights.length; first += piece) {
        quantizeRange(weights.subarray(first, first + piece), first, layout, given, output.subarray(first));
      }
      expect([...output]).toEqual(expected);
    }
  });

  it('rounds, saturates and treats NaN as onnxruntime does', () => {
    const input = Float32Array.of(
      ...[0, -0, 0.05, 0.15, 0.25, -0.05, -0.15, -0.25, 1e30, -1e30, Infinity, -Infinity, Number.NaN],
      ...[12.75, -12.85, 0.1, 0.35, 3.3333333],
    );
    const layout = layoutOf([input.length], { kind: 'tensor' });
    const signed = [0, 0, 0, 2, 2, 0, -2, -2, 127, -128, 127, -128, -128, 127, -128, 1, 4, 33];
    const unsigned = [7, 7, 7, 9, 9, 7, 5, 5, 255, 0, 255, 0, 0, 135, 0, 8, 11, 40];
    expect([...quantizeLinear(input, layout, parameters('int8', [0.1], [0]))]).toEqual(signed);
    expect([...quantizeLinear(input, layout, parameters('uint8', [0.1], [7]))]).toEqual(unsigned);
  });

  it('quantizes by blocks along either axis', () => {
    const input = Float32Array.from({ length: 24 }, (_, i) => i - 12);
    for (const [axis, blockSize] of [
      [0, 2],
      [1, 4],
      [0, 3],
      [1, 5],
    ] as const) {
      const granularity = { kind: 'block', axis, blockSize } as const;
      const layout = layoutOf([4, 6], granularity);
      const given = computeParameters(scanRanges(input, layout), { dataType: 'int4', symmetric: true, granularity });
      expect(layout.parameterShape[axis]).toBe(Math.ceil([4, 6][axis] / blockSize));
      const restored = dequantizeLinear(quantizeLinear(input, layout, given), layout, given);
      for (let e = 0; e < 24; e++) {
        const index = [Math.floor(e / 6), e % 6];
        index[axis] = Math.floor(index[axis] / blockSize);
        const p = index[0] * layout.parameterShape[1] + index[1];
        expect(Math.abs(restored[e] - input[e])).toBeLessThanOrEqual(given.scale[p] * 0.5 + 1e-5);
      }
    }
  });

  it('restores values within half a scale, and zero exactly', () => {
    const scheme = fc.record({
      dataType: fc.constantFrom<QuantizedType>('int8', 'uint8', 'int4', 'uint4', 'int2', 'uint2', 'int16', 'uint16'),
      symmetric: fc.boolean(),
      reducedRange: fc.boolean(),
      granularity: fc.constantFrom<Granularity>(
        { kind: 'tensor' },
        { kind: 'channel', axis: 0 },
        { kind: 'channel', axis: 1 },
      ),
    });
    const float = fc.float({ noNaN: true, min: Math.fround(-1e30), max: Math.fround(1e30) });
    fc.assert(
      fc.property(scheme, fc.array(float, { minLength: 6, maxLength: 6 }), (given, values) => {
        fc.pre(!given.dataType.endsWith('int2') || !given.reducedRange);
        const input = Float32Array.from([...values, 0, 0, 0]);
        const layout = layoutOf([3, 3], given.granularity);
        const found = computeParameters(scanRanges(input, layout), given);
        const restored = dequantizeLinear(quantizeLinear(input, layout, found), layout, found);
        for (let e = 0; e < 9; e++) {
          const p = given.granularity.kind === 'tensor' ? 0 : given.granularity.axis === 0 ? Math.floor(e / 3) : e % 3;
          // The float32 product and the rounding of the scale add their last places to the half.
          const bound = found.scale[p] * 0.5 + Math.abs(input[e]) * 2 ** -22;
          expect(Math.abs(restored[e] - input[e])).toBeLessThanOrEqual(bound);
          if (input[e] === 0) expect(restored[e]).toBe(0);
        }
      }),
    );
  });

  it('refuses arrays that do not fit', () => {
    const layout = layoutOf([2], { kind: 'tensor' });
    const given = parameters('int8', [1], [0]);
    expect(() => quantizeRange(new Float32Array(2), 0, layout, given, new Int8Array(1))).toThrow(RangeError);
    expect(() => quantizeRange(new Float32Array(2), 0, layout, given, new Int16Array(2))).toThrow(RangeError);
    expect(() => quantizeRange(new Float32Array(2), 1, layout, given, new Int8Array(2))).toThrow(RangeError);
    expect(() => quantizeLinear(new Float32Array(2), layout, parameters('int8', [1, 1], [0, 0]))).toThrow(RangeError);
  });
});

describe('selectClip', () => {
  it('clips an outlier where that pays, per channel', () => {
    const granularity = { kind: 'channel', axis: 0 } as const;
    const layout = layoutOf([2, 64], granularity);
    const input = Float32Array.from({ length: 128 }, (_, i) => (i < 64 ? ((i % 15) - 7) / 7 : Math.sin(i)));
    input[100] = 2;
    const scheme = { dataType: 'int4', symmetric: true, granularity } as const;
    const ranges = scanRanges(input, layout);
    const search = createClipSearch(ranges, scheme);
    tryClips(search, input.subarray(0, 50), 0, layout);
    tryClips(search, input.subarray(50), 50, layout);
    const plain = computeParameters(ranges, scheme);
    const clipped = selectClip(search);
    expect(clipped.scale[0]).toBe(plain.scale[0]);
    expect(clipped.scale[1]).toBeLessThan(plain.scale[1]);
    const errorOf = (given: QuantizationParameters) =>
      dequantizeLinear(quantizeLinear(input, layout, given), layout, given).reduce(
        (s, x, i) => s + (x - input[i]) ** 2,
        0,
      );
    expect(errorOf(clipped)).toBeLessThan(errorOf(plain));
    expect(() => createClipSearch(ranges, scheme, [0])).toThrow(RangeError);
  });
});
