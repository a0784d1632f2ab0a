// Scales and zero points were made with onnxruntime 1.30 (quantization.quant_utils.compute_scale_zp).

import { describe, expect, it } from 'vitest';
import {
  computeParameters,
  createRanges,
  type Granularity,
  layoutOf,
  type QuantizationScheme,
  quantizedRange,
  scanRange,
  scanRanges,
} from '../../../src/quantization/index.js';

const granularity: Granularity = { kind: 'tensor' };

function parametersOf(low: number, high: number, scheme: Omit<QuantizationScheme, 'granularity'>): [number, number] {
  const ranges = scanRanges(Float32Array.of(low, high), layoutOf([2], granularity));
  const { scale, zeroPoint } = computeParameters(ranges, { ...scheme, granularity });
  return [zeroPoint[0], scale[0]];
}

describe('computeParameters', () => {
  it('agrees with onnxruntime', () => {
    const int8 = { dataType: 'int8', symmetric: true } as const;
    const int8Asymmetric = { dataType: 'int8', symmetric: false } as const;
    const uint8 = { dataType: 'uint8', symmetric: false } as const;
    expect(parametersOf(-1.5, 2.25, int8)).toEqual([0, 0.017716536298394203]);
    expect(parametersOf(-1.5, 2.25, int8Asymmetric)).toEqual([-26, 0.014705882407724857]);
    expect(parametersOf(-1.5, 2.25, uint8)).toEqual([102, 0.014705882407724857]);
    expect(parametersOf(-1.5, 2.25, { ...uint8, reducedRange: true })).toEqual([51, 0.029527559876441956]);
    expect(parametersOf(-1.5, 2.25, { ...int8, reducedRange: true })).toEqual([0, 0.03515625]);
    expect(parametersOf(0.5, 3, int8Asymmetric)).toEqual([-128, 0.0117647061124444]);
    expect(parametersOf(-3, -1, int8Asymmetric)).toEqual([127, 0.0117647061124444]);
    expect(parametersOf(-3, -1, uint8)).toEqual([255, 0.0117647061124444]);
  });

  it('gives scale 1 where everything is zero, tiny or missing', () => {
    for (const dataType of ['int8', 'uint8', 'int4', 'int16'] as const) {
      expect(parametersOf(0, 0, { dataType, symmetric: false })[1]).toBe(1);
      expect(parametersOf(-1e-44, 1e-44, { dataType, symmetric: true })[1]).toBe(1);
    }
    const ranges = createRanges(layoutOf([0, 3], { kind: 'channel', axis: 1 }));
    const scheme = { dataType: 'uint8', symmetric: false, granularity } as const;
    expect([...computeParameters(ranges, scheme).scale]).toEqual([1, 1, 1]);
    expect([...computeParameters(ranges, scheme).zeroPoint]).toEqual([0, 0, 0]);
  });

  it('stays finite over the whole of float32', () => {
    const [zeroPoint, scale] = parametersOf(-3.4e38, 3.4e38, { dataType: 'int2', symmetric: true });
    expect(zeroPoint).toBe(0);
    expect(Number.isFinite(scale)).toBe(true);
  });

  it('centres symmetric ranges', () => {
    const range = (dataType: QuantizationScheme['dataType'], symmetric: boolean, reducedRange = false) => {
      const { minimum, maximum } = quantizedRange({ dataType, symmetric, granularity, reducedRange });
      return [minimum, maximum];
    };
    expect(range('int8', true)).toEqual([-127, 127]);
    expect(range('uint8', true)).toEqual([1, 255]);
    expect(range('int4', true)).toEqual([-7, 7]);
    expect(range('uint4', false)).toEqual([0, 15]);
    expect(range('int8', true, true)).toEqual([-64, 64]);
    expect(range('uint8', false, true)).toEqual([0, 127]);
    expect(range('uint8', true, true)).toEqual([1, 127]);
    expect(() => range('uint2', true, true)).toThrow(RangeError);
  });
});

describe('scanRange', () => {
  const shape = [2, 3, 5];
  const input = Float32Array.from({ length: 30 }, (_, i) => ((i * 7) % 31) - 15);
  const indexOf: Record<string, (element: number) => number> = {
    tensor: () => 0,
    'channel 0': (e) => Math.floor(e / 15),
    'channel 1': (e) => Math.floor(e / 5) % 3,
    'channel 2': (e) => e % 5,
    'block 1': (e) => (Math.floor(e / 15) * 2 + Math.floor((Math.floor(e / 5) % 3) / 2)) * 5 + (e % 5),
    'block 2': (e) => Math.floor(e / 5) * 3 + Math.floor((e % 5) / 2),
  };

  it.each(Object.keys(indexOf))('finds the extremes per %s, in pieces of any length', (name) => {
    const [kind, axis] = name.split(' ');
    const layout = layoutOf(shape, { kind, axis: Number(axis ?? 0) - 3, blockSize: 2 } as Granularity);
    const low = new Float32Array(layout.parameterCount).fill(Infinity);
    const high = new Float32Array(layout.parameterCount).fill(-Infinity);
    for (const [element, x] of input.entries()) {
      const p = indexOf[name](element);
      low[p] = Math.min(low[p], x);
      high[p] = Math.max(high[p], x);
    }
    for (const piece of [1, 4, 7, 30]) {
      const ranges = createRanges(layout);
      for (let first = 0; first < 30; first += piece)
        scanRange(input.subarray(first, first + piece), first, layout, ranges);
      expect(ranges).toEqual({ minimum: low, maximum: high, nonFiniteCount: 0, firstNonFinite: -1 });
    }
  });

  it('reports values that are not finite and leaves them out', () => {
    const values = Float32Array.of(1, 2, Number.NaN, -Infinity, 4, Infinity);
    for (const axis of [0, 1]) {
      const ranges = scanRanges(values, layoutOf([2, 3], { kind: 'channel', axis }));
      expect(ranges.nonFiniteCount).toBe(3);
      expect(ranges.firstNonFinite).toBe(2);
      if (axis === 0)
        expect([[...ranges.minimum], [...ranges.maximum]]).toEqual([
          [1, 4],
          [2, 4],
        ]);
      else expect([...ranges.maximum]).toEqual([1, 4, -Infinity]);
    }
  });

  it('refuses pieces outside the tensor and layouts that do not exist', () => {
    const layout = layoutOf([4], granularity);
    expect(() => scanRange(new Float32Array(3), 2, layout, createRanges(layout))).toThrow(RangeError);
    expect(() => layoutOf([4], { kind: 'channel', axis: 1 })).toThrow(RangeError);
    expect(() => layoutOf([4], { kind: 'block', axis: 0, blockSize: 0 })).toThrow(RangeError);
  });
});
