import { describe, expect, it } from 'vitest';
import { trimPadding } from '../../src/calibration/trim-padding.js';
import { tensorType } from '../../src/ir/index.js';
import { float32Tensor, int64Tensor, type Tensor } from '../../src/tensor/index.js';

const dynamic = ['input_ids', 'attention_mask'].map((name) => ({ name, type: tensorType('int64', [null, null]) }));
const ids = int64Tensor([1, 5], [7, 8, 9, 0, 0]);
const mask = (...values: number[]): Tensor => int64Tensor([1, 5], values);

function shapesOf(feeds: Readonly<Record<string, Tensor>>): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape]));
}

describe('trimPadding', () => {
  it('cuts what the mask leaves out at the end, and nothing in between', () => {
    const { input_ids, attention_mask } = trimPadding({ input_ids: ids, attention_mask: mask(1, 0, 1, 0, 0) }, dynamic);
    expect(input_ids.readNumbers()).toEqual(ids.readNumbers().slice(0, 3));
    expect(attention_mask.shape).toEqual([1, 3]);
    expect([...attention_mask.readNumbers()].map(Number)).toEqual([1, 0, 1]);
  });

  it('keeps as much as the longest row of a batch needs', () => {
    const feeds = {
      input_ids: int64Tensor([2, 3], [1, 2, 3, 4, 5, 6]),
      attention_mask: int64Tensor([2, 3], [1, 0, 0, 1, 1, 0]),
      token_type_ids: int64Tensor([1, 3], [0, 0, 1]),
    };
    const types = [...dynamic, { name: 'token_type_ids', type: tensorType('int64', [1, null]) }];
    const trimmed = trimPadding(feeds, types);
    expect([...trimmed.input_ids.readNumbers()].map(Number)).toEqual([1, 2, 4, 5]);
    expect(trimmed.token_type_ids.shape).toEqual([1, 2]);
  });

  it.each([
    ['nothing is padded', { input_ids: ids, attention_mask: mask(1, 1, 1, 1, 1) }],
    ['everything is', { input_ids: ids, attention_mask: mask(0, 0, 0, 0, 0) }],
    ['padding is in front', { input_ids: ids, attention_mask: mask(0, 0, 1, 1, 1) }],
    [
      'another input has the length elsewhere',
      {
        input_ids: ids,
        attention_mask: mask(1, 1, 1, 0, 0),
        bias: float32Tensor([1, 5, 5], new Float32Array(25)),
      },
    ],
    ['there is no mask', { input_ids: ids }],
  ])('leaves feeds alone where %s', (_, feeds) => {
    expect(trimPadding(feeds, dynamic)).toBe(feeds);
  });

  it('leaves feeds alone where the model has a fixed length', () => {
    const fixed = dynamic.map(({ name }) => ({ name, type: tensorType('int64', [1, 5]) }));
    const feeds = { input_ids: ids, attention_mask: mask(1, 1, 0, 0, 0) };
    expect(shapesOf(trimPadding(feeds, fixed))).toEqual({ input_ids: [1, 5], attention_mask: [1, 5] });
  });
});
