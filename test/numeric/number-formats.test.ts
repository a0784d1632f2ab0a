// Expected codes were made with NumPy 2.4 and ml_dtypes 0.6, the encodings that saturate with onnx.numpy_helper 1.23.

import { describe, expect, it } from 'vitest';
import {
  bfloat16ToFloat32,
  bfloat16ToFloat32Array,
  decodeMinifloat,
  decodeMinifloatArray,
  encodeMinifloat,
  encodeMinifloatArray,
  float16ToFloat32,
  float16ToFloat32Array,
  float32ToBfloat16,
  float32ToBfloat16Array,
  float32ToFloat16,
  float32ToFloat16Array,
  roundHalfToEven,
} from '../../src/numeric/index.js';

describe('float16', () => {
  const table: readonly [number, number][] = [
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2.5, 0xc100],
    [0.1, 0x2e66],
    [65504, 0x7bff],
    [65519.99, 0x7bff],
    [65520, 0x7c00],
    [-1e30, 0xfc00],
    [Infinity, 0x7c00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [1.5 * 2 ** -25, 0x0001],
    [3 * 2 ** -25, 0x0002],
    [2 ** -14 - 2 ** -26, 0x0400],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [1e-45, 0x0000],
  ];

  it.each(table)('encodes %d', (value, bits) => {
    expect(float32ToFloat16(value)).toBe(bits);
    expect(float32ToFloat16Array(Float32Array.of(value))[0]).toBe(bits);
  });

  it('keeps every pattern there and back', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const values = float16ToFloat32Array(bits);
    const back = float32ToFloat16Array(values);
    for (let i = 0; i < 65536; i++) {
      const nan = (i & 0x7fff) > 0x7c00;
      if (nan) expect(Number.isNaN(values[i]) && (back[i] & 0x7fff) > 0x7c00).toBe(true);
      else if (back[i] !== i || !Object.is(float16ToFloat32(i), values[i])) expect.fail(`pattern ${i}`);
    }
    expect([0x0001, 0x03ff, 0x3555, 0xfbff].map(float16ToFloat32)).toEqual([
      2 ** -24,
      0.00006097555160522461,
      0.333251953125,
      -65504,
    ]);
  });

  it('writes into a longer array, not into a shorter one', () => {
    expect([...float16ToFloat32Array(Uint16Array.of(0x3c00), new Float32Array(2))]).toEqual([1, 0]);
    expect(() => float32ToFloat16Array(new Float32Array(2), new Uint16Array(1))).toThrow(RangeError);
  });
});

describe('bfloat16', () => {
  it('rounds to nearest even', () => {
    const values = Float32Array.of(
      1,
      1 + 2 ** -8,
      1 + 3 * 2 ** -8,
      0.1,
      3.4e38,
      -3.4028235e38,
      -Infinity,
      1e-45,
      Number.NaN,
    );
    const bits = [0x3f80, 0x3f80, 0x3f82, 0x3dcd, 0x7f80, 0xff80, 0xff80, 0x0000, 0x7fc0];
    expect([...float32ToBfloat16Array(values)]).toEqual(bits);
    expect([...values].map(float32ToBfloat16)).toEqual(bits);
  });

  it('decodes by extension', () => {
    expect(bfloat16ToFloat32(0x3dcd)).toBe(0.10009765625);
    expect([...bfloat16ToFloat32Array(Uint16Array.of(0xc040, 0x7f80, 0x8000))]).toEqual([-3, Infinity, -0]);
  });
});

describe('minifloat', () => {
  it('decodes the corners of each format', () => {
    const decode = (format: Parameters<typeof decodeMinifloat>[0], ...codes: number[]) => [
      ...decodeMinifloatArray(format, Uint8Array.from(codes)),
    ];
    expect(decode('float8e4m3fn', 0, 0x80, 1, 8, 0x38, 0x7e, 0x7f, 0xff, 0xb4)).toEqual([
      0,
      -0,
      0.001953125,
      0.015625,
      1,
      448,
      Number.NaN,
      Number.NaN,
      -0.75,
    ]);
    expect(decode('float8e4m3fnuz', 0x80, 1, 0x7f, 0xff, 0x40)).toEqual([Number.NaN, 2 ** -10, 240, -240, 1]);
    expect(decode('float8e5m2', 1, 0x7b, 0x7c, 0xfc, 0x7d, 0x3e)).toEqual([
      2 ** -16,
      57344,
      Infinity,
      -Infinity,
      Number.NaN,
      1.5,
    ]);
    expect(decode('float8e5m2fnuz', 0x80, 1, 0x7f, 0x40)).toEqual([Number.NaN, 2 ** -17, 57344, 1]);
    expect(decode('float8e8m0', 0, 127, 254, 255)).toEqual([2 ** -127, 1, 2 ** 127, Number.NaN]);
    expect(decode('float6e2m3', 1, 0x1f, 0x3f)).toEqual([0.125, 7.5, -7.5]);
    expect(decode('float6e3m2', 1, 0x1f)).toEqual([0.0625, 28]);
    expect(decode('float4e2m1', 0, 1, 2, 3, 4, 5, 6, 7, 8, 15)).toEqual([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -6]);
  });

  it('encodes ties to even and saturates', () => {
    const values = Float32Array.of(1.0625, 1.1875, -0.001, 464, 465, -1e9, Infinity, 2 ** -10, -0);
    expect([...encodeMinifloatArray('float8e4m3fn', values)]).toEqual([56, 58, 129, 126, 126, 254, 126, 0, 128]);
    expect([...encodeMinifloatArray('float8e4m3fn', values, false)]).toEqual([56, 58, 129, 126, 127, 255, 127, 0, 128]);
    expect([...encodeMinifloatArray('float8e4m3fnuz', values)]).toEqual([64, 66, 129, 127, 127, 255, 127, 1, 0]);
    expect(encodeMinifloat('float8e5m2', 1e9, false)).toBe(0x7c);
    expect(encodeMinifloat('float8e5m2', -Infinity)).toBe(0xfb);
    expect(encodeMinifloat('float8e5m2fnuz', 1e9, false)).toBe(0x80);
    expect([0.25, 0.75, 2.5, 5, -7, Number.NaN].map((x) => encodeMinifloat('float4e2m1', x))).toEqual([
      0, 2, 4, 6, 15, 8,
    ]);
    expect([0, 1, 1.1, 3, Infinity, Number.NaN].map((x) => encodeMinifloat('float8e8m0', x))).toEqual([
      0, 127, 128, 129, 254, 255,
    ]);
  });

  it('encodes every value it decodes to the same code', () => {
    for (const format of ['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz', 'float8e8m0'] as const) {
      for (let code = 0; code < 256; code++) {
        const value = decodeMinifloat(format, code);
        if (!Number.isNaN(value)) expect(encodeMinifloat(format, value, false)).toBe(code);
        else expect(decodeMinifloat(format, encodeMinifloat(format, value))).toBeNaN();
      }
    }
  });
});

it('rounds half to even', () => {
  const cases = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999999999999994, 4503599627370495.5, 2 ** 53, -Infinity];
  expect(cases.map(roundHalfToEven)).toEqual([0, 2, 2, -0, -2, -2, 0, 4503599627370496, 2 ** 53, -Infinity]);
  expect(roundHalfToEven(-0)).toBe(-0);
  expect(roundHalfToEven(Number.NaN)).toBeNaN();
});
