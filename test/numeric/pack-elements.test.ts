import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packElements, packedLength, unpackSigned, unpackUnsigned } from '../../src/numeric/index.js';

describe('packElements', () => {
  it('puts the first element in the lowest bits', () => {
    expect([...packElements(Int8Array.of(-8, 7, -1), 4)]).toEqual([0x78, 0x0f]);
    expect([...packElements(Uint8Array.of(1, 2, 3, 0, 2), 2)]).toEqual([0b00111001, 0b10]);
  });

  it.each([2, 4] as const)('is undone by unpacking (%d bits)', (bits) => {
    const half = 2 ** (bits - 1);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -half, max: half - 1 }), { maxLength: 40 }), (values) => {
        const packed = packElements(Int8Array.from(values), bits);
        expect(packed.length).toBe(packedLength(values.length, bits));
        expect([...unpackSigned(packed, bits, values.length)]).toEqual(values);
        const shifted = Uint8Array.from(values, (value) => value + half);
        expect(unpackUnsigned(packElements(shifted, bits), bits, values.length)).toEqual(shifted);
      }),
    );
  });

  it('refuses too few bytes', () => {
    expect(() => unpackSigned(new Uint8Array(1), 4, 3)).toThrow(RangeError);
    expect(() => packElements(new Int8Array(3), 4, new Uint8Array(1))).toThrow(RangeError);
  });
});
