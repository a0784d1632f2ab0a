// Expected pixels come from Pillow 12.3: Image.fromarray(ramp).resize((width, height), filter), with ramp[y, x] = (7 x² + 13 x y + 31 y) mod 256.
import { describe, expect, it } from 'vitest';
import { cropCentre, type Pixels, type ResampleFilter, resizePixels } from '../../src/data/images/resample.js';

function ramp(height: number, width: number): Pixels {
  const data = Uint8Array.from({ length: height * width }, (_, i) => {
    const x = i % width;
    const y = Math.floor(i / width);
    return (7 * x * x + 13 * x * y + 31 * y) % 256;
  });
  return { data, height, width, channels: 1 };
}

describe('resizing as Pillow does it', () => {
  const shrunk: Readonly<Record<ResampleFilter, readonly number[]>> = {
    nearest: [51, 133, 15, 209, 139, 17, 207, 197, 227, 157, 143, 185],
    bilinear: [44, 105, 128, 148, 119, 108, 124, 138, 133, 119, 122, 132],
    bicubic: [36, 106, 133, 149, 123, 108, 120, 140, 137, 116, 121, 133],
    lanczos: [32, 106, 136, 150, 127, 109, 115, 140, 136, 112, 123, 133],
    box: [23, 103, 137, 140, 116, 107, 137, 141, 146, 111, 138, 143],
    hamming: [36, 106, 123, 144, 120, 102, 132, 139, 142, 126, 127, 135],
  };
  const grown: Readonly<Record<ResampleFilter, readonly number[]>> = {
    nearest: [0, 0, 7, 28, 28, 0, 0, 7, 28, 28, 31, 31, 51, 85, 85, 31, 31, 51, 85, 85],
    bilinear: [0, 3, 7, 20, 28, 8, 12, 18, 33, 42, 23, 30, 40, 58, 71, 31, 39, 51, 71, 85],
    bicubic: [0, 0, 3, 16, 25, 6, 9, 16, 32, 42, 23, 29, 42, 63, 76, 32, 39, 55, 79, 93],
    lanczos: [0, 0, 0, 13, 20, 7, 8, 17, 35, 44, 23, 26, 41, 63, 74, 35, 40, 59, 85, 98],
    box: [0, 0, 7, 28, 28, 0, 0, 7, 28, 28, 31, 31, 51, 85, 85, 31, 31, 51, 85, 85],
    hamming: [0, 2, 7, 22, 28, 2, 5, 10, 26, 32, 29, 34, 48, 71, 81, 31, 37, 51, 75, 85],
  };

  it.each(Object.entries(shrunk))('%s from 7 × 9 to 3 × 4', (filter, expected) => {
    expect([...resizePixels(ramp(7, 9), 3, 4, filter as ResampleFilter).data]).toEqual(expected);
  });

  it.each(Object.entries(grown))('%s from 2 × 3 to 4 × 5', (filter, expected) => {
    expect([...resizePixels(ramp(2, 3), 4, 5, filter as ResampleFilter).data]).toEqual(expected);
  });

  it('treats channels alike', () => {
    const gray = ramp(7, 9);
    const data = Uint8Array.from({ length: gray.data.length * 3 }, (_, i) => gray.data[Math.floor(i / 3)]);
    const { data: resized } = resizePixels({ ...gray, data, channels: 3 }, 3, 4, 'bicubic');
    expect([...resized].filter((_, i) => i % 3 === 1)).toEqual(shrunk.bicubic);
  });
});

describe('cropping the centre', () => {
  it('takes the middle, towards the top left where it is not exact', () => {
    const image = { data: Uint8Array.from({ length: 20 }, (_, i) => i), height: 4, width: 5, channels: 1 };
    expect([...cropCentre(image, 2, 2).data]).toEqual([6, 7, 11, 12]);
  });

  it('fills with black what lies outside', () => {
    const image = { data: Uint8Array.of(1, 2), height: 1, width: 2, channels: 1 };
    expect([...cropCentre(image, 3, 4).data]).toEqual([0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0]);
  });
});
