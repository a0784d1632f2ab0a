// Varied examples: what each augmentation changes, and what it must leave alone.
import { expect, test } from 'vitest';
import { createRandom } from '../../../src/numeric/index.js';
import { float32Tensor, int64Tensor } from '../../../src/tensor/index.js';
import { type Augmentation, augment, parseAugmentations } from '../../../src/training/examples/augment.js';
import { Examples } from '../../../src/training/examples/examples.js';

const images = float32Tensor(
  [2, 1, 8, 8],
  Float32Array.from({ length: 128 }, (_, i) => i + 1),
);

function vary(kind: Augmentation, seed = 1): Float32Array {
  const { x } = augment({ x: images }, { kinds: new Set([kind]), maskToken: null }, createRandom(seed));
  return x.readFloat32();
}

test('flip mirrors whole images', () => {
  const seen = new Set([1, 2, 3, 4, 5, 6].map((seed) => vary('flip', seed)[0]));
  expect([...seen].sort()).toEqual([1, 8]);
});

test('cutout sets a square of at most a quarter of the sides to zero, another one in each image', () => {
  const varied = vary('cutout');
  for (const image of [0, 1]) {
    const zeros = [...varied.slice(64 * image, 64 * (image + 1)).keys()].filter((i) => varied[64 * image + i] === 0);
    expect(zeros.length).toBeGreaterThan(0);
    expect(zeros.length).toBeLessThanOrEqual(4);
    const [rows, columns] = [zeros.map((i) => i >> 3), zeros.map((i) => i & 7)];
    const extent = (list: number[]): number => Math.max(...list) - Math.min(...list) + 1;
    expect(extent(rows) * extent(columns)).toBe(zeros.length);
  }
  expect(varied.filter((value, i) => value !== 0 && value !== i + 1)).toHaveLength(0);
});

test('mixup is one mixture of two images throughout each image', () => {
  const varied = vary('mixup');
  // Image 0 holds i + 1 and image 1 holds i + 65, so share · own + (1 − share) · other is own ± 64 · (1 − share).
  const [first, second] = [varied[0] - 1, 65 - varied[64]];
  for (const offset of [first, second]) {
    expect(offset).toBeGreaterThan(0);
    expect(offset).toBeLessThan(64);
  }
  expect(first).not.toBeCloseTo(second, 3);
  for (let i = 0; i < 64; i++) {
    expect(varied[i]).toBeCloseTo(i + 1 + first, 3);
    expect(varied[64 + i]).toBeCloseTo(i + 65 - second, 3);
  }
});

test('cutmix puts a rectangle of the other image in its place', () => {
  const seen = [1, 2, 3, 4].map((seed) => {
    const varied = vary('cutmix', seed).slice(0, 64);
    const taken = [...varied.keys()].filter((i) => varied[i] === i + 65);
    expect(taken.length + varied.filter((value, i) => value === i + 1).length).toBe(64);
    const extent = (list: number[]): number => (list.length > 0 ? Math.max(...list) - Math.min(...list) + 1 : 0);
    expect(extent(taken.map((i) => i >> 3)) * extent(taken.map((i) => i & 7))).toBe(taken.length);
    return taken.length;
  });
  expect(new Set(seen).size).toBeGreaterThan(1);
  expect(Math.max(...seen)).toBeGreaterThan(0);
});

test('words of augmentation are known, and auto varies nothing but images in colour', () => {
  expect(parseAugmentations('flip,crop')).toEqual(new Set(['flip', 'crop']));
  expect(parseAugmentations('none')).toEqual(new Set());
  expect(parseAugmentations('auto')).toBe('auto');
  expect(parseAugmentations('flip,crops')).toBeNull();
  const sample = (channels: number) => ({
    feeds: { x: float32Tensor([1, channels, 2, 2], new Float32Array(4 * channels)) },
    count: 1,
    targets: null,
    continues: false,
  });
  expect(new Examples([sample(3)], null, 0, { kind: 'images' }).areImages).toBe(true);
  expect(new Examples([sample(3)], null, 0, { kind: 'arrays' }).areImages).toBe(false);
  expect(new Examples([sample(1)], null, 0, { kind: 'images' }).areImages).toBe(false);
});

test('mask replaces some ids, never the first one, padding, or other inputs', () => {
  const ids = int64Tensor(
    [4, 100],
    [...Array(400).keys()].map((i) => (i % 100 > 90 ? 0 : 5 + (i % 7))),
  );
  const feeds = { input_ids: ids, attention_mask: int64Tensor([4, 100], new Array<number>(400).fill(1)) };
  const varied = augment(feeds, { kinds: new Set<Augmentation>(['mask']), maskToken: 3n }, createRandom(2));
  expect(varied.attention_mask).toBe(feeds.attention_mask);
  const after = [...varied.input_ids.readNumbers()];
  const changed = after.flatMap((id, at) => (id === ids.readNumbers()[at] ? [] : [at]));
  expect(changed.every((at) => after[at] === 3 && at % 100 !== 0 && at % 100 <= 90)).toBe(true);
  // 15 % of 360, give or take three standard deviations.
  expect(changed.length).toBeGreaterThan(54 - 21);
  expect(changed.length).toBeLessThan(54 + 21);
});
