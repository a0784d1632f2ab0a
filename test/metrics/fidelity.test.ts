// Expected figures are computed by hand from the definitions.
import { describe, expect, it } from 'vitest';
import { FidelityMeter } from '../../src/metrics/index.js';
import { float32ToBfloat16Array, float32ToFloat16Array } from '../../src/numeric/index.js';
import { type DataType, float32Tensor, MemoryTensor, StringTensor, type TypedArray } from '../../src/tensor/index.js';

function measure(...samples: (readonly [number[], number[]])[]) {
  const meter = new FidelityMeter();
  for (const [original, result] of samples) {
    meter.add(float32Tensor([original.length], original), float32Tensor([result.length], result));
  }
  return meter.fidelity;
}

describe('fidelity', () => {
  it('of equal outputs', () => {
    expect(
      measure([
        [1, -2, 3],
        [1, -2, 3],
      ]),
    ).toEqual({
      cosine: 1,
      sqnr: Number.POSITIVE_INFINITY,
      maxAbsError: 0,
      identical: true,
      nonFinite: 0,
      differentShapes: 0,
    });
  });

  it('goes over all samples together', () => {
    // Signal 9 + 16 + 0 = 25, noise 1 + 0 + 1 = 2, dot 6 + 16 + 0 = 22, squares of the result 4 + 16 + 1 = 21.
    const { cosine, sqnr, maxAbsError, identical } = measure(
      [
        [3, 4],
        [2, 4],
      ],
      [[0], [-1]],
    );
    expect(cosine).toBeCloseTo(22 / (5 * Math.sqrt(21)), 12);
    expect(sqnr).toBeCloseTo(10 * Math.log10(25 / 2), 12);
    expect(maxAbsError).toBe(1);
    expect(identical).toBe(false);
  });

  it('of zeros', () => {
    expect(
      measure([
        [0, 0],
        [0, -0],
      ]),
    ).toMatchObject({ cosine: 1, sqnr: Infinity, identical: false });
    expect(
      measure([
        [0, 0],
        [0, 1],
      ]),
    ).toMatchObject({ cosine: 0, sqnr: -Infinity, maxAbsError: 1 });
  });

  it('leaves out equal infinities and counts what became NaN or infinite', () => {
    const { NaN: nan, NEGATIVE_INFINITY: low, POSITIVE_INFINITY: high } = Number;
    expect(
      measure([
        [low, 1],
        [low, 1],
      ]),
    ).toMatchObject({ nonFinite: 0, cosine: 1, identical: true });
    expect(
      measure([
        [nan, 1],
        [nan, 2],
      ]),
    ).toMatchObject({ nonFinite: 0, maxAbsError: 1 });
    expect(
      measure([
        [nan, low, 1],
        [0, 0, 1],
      ]),
    ).toMatchObject({ nonFinite: 0, maxAbsError: 0, identical: false });
    expect(
      measure([
        [1, 2, low, high],
        [nan, high, nan, high],
      ]),
    ).toMatchObject({ nonFinite: 3, maxAbsError: 0 });
  });

  it('counts samples of different shape', () => {
    const meter = new FidelityMeter();
    meter.add(float32Tensor([2, 1], [1, 2]), float32Tensor([2], [1, 2]));
    expect(meter.fidelity).toMatchObject({ differentShapes: 1, identical: false, cosine: null, maxAbsError: null });
    meter.add(float32Tensor([1], [1]), float32Tensor([1], [1]));
    expect(meter.fidelity).toMatchObject({ differentShapes: 1, identical: false, cosine: 1 });
  });

  it.each<[DataType, TypedArray, TypedArray]>([
    ['float16', float32ToFloat16Array(Float32Array.of(1, 2)), float32ToFloat16Array(Float32Array.of(1, 2.5))],
    ['bfloat16', float32ToBfloat16Array(Float32Array.of(1, 2)), float32ToBfloat16Array(Float32Array.of(1, 2.5))],
    ['float64', Float64Array.of(1, 2), Float64Array.of(1, 2.5)],
    ['float8e4m3fn', Uint8Array.of(0x38, 0x40), Uint8Array.of(0x38, 0x42)],
  ])('of %s', (dataType, original, result) => {
    const meter = new FidelityMeter();
    meter.add(new MemoryTensor(dataType, [2], original), new MemoryTensor(dataType, [2], result));
    expect(meter.fidelity).toMatchObject({ maxAbsError: 0.5, identical: false });
  });

  it.each<[DataType, TypedArray, TypedArray, number]>([
    ['int64', BigInt64Array.of(-5n, 7n), BigInt64Array.of(-5n, 4n), 3],
    ['uint64', BigUint64Array.of(2n ** 64n - 1n, 7n), BigUint64Array.of(2n ** 64n - 1n, 4n), 3],
    ['int8', Int8Array.of(-128, 7), Int8Array.of(127, 7), 255],
    ['bool', Uint8Array.of(1, 0), Uint8Array.of(1, 1), 1],
    ['int4', Uint8Array.of(0x7f), Uint8Array.of(0x71), 2],
    ['uint4', Uint8Array.of(0x7f), Uint8Array.of(0x71), 14],
  ])('of %s', (dataType, original, result, maxAbsError) => {
    const meter = new FidelityMeter();
    meter.add(new MemoryTensor(dataType, [2], original), new MemoryTensor(dataType, [2], result));
    expect(meter.fidelity).toMatchObject({ maxAbsError, identical: false });
  });

  it('of strings says only whether they are identical', () => {
    const strings = (...texts: string[]) =>
      new StringTensor(
        [texts.length],
        texts.map((text) => Buffer.from(text)),
      );
    const meter = new FidelityMeter();
    meter.add(strings('a', 'b'), strings('a', 'b'));
    expect(meter.fidelity).toMatchObject({ cosine: null, sqnr: null, maxAbsError: null, identical: true });
    meter.add(strings('a', 'b'), strings('a', 'c'));
    expect(meter.fidelity.identical).toBe(false);
  });

  it('refuses to compare different types', () => {
    expect(() =>
      new FidelityMeter().add(float32Tensor([1], [1]), new MemoryTensor('int8', [1], Int8Array.of(1))),
    ).toThrow(RangeError);
  });
});
