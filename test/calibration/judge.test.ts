import { expect, it } from 'vitest';
import { heldOutOf, isHeldOut, judge, Split } from '../../src/calibration/index.js';

const made = (...techniques: string[]) => ({ techniques });

it('takes what has the least error, and tells of each technique the least error without it and with it', () => {
  const { best, error, verdicts } = judge([made(), made('a'), made('b'), made('a', 'b')], [4, 3, 5, 2]);
  expect(best.techniques).toEqual(['a', 'b']);
  expect(error).toBe(2);
  expect(verdicts).toEqual([
    { technique: 'a', kept: true, before: 4, after: 2 },
    { technique: 'b', kept: true, before: 3, after: 2 },
  ]);
});

it('keeps the plainest of equal ones', () => {
  const { best, verdicts } = judge([made(), made('a')], [1, 1]);
  expect(best.techniques).toEqual([]);
  expect(verdicts).toEqual([{ technique: 'a', kept: false, before: 1, after: 1 }]);
});

it('takes the plainest where no error is a number', () => {
  expect(judge([made(), made('a')], [Number.NaN, Number.NaN]).best.techniques).toEqual([]);
});

async function* upTo(count: number): AsyncGenerator<number> {
  for (let sample = 0; sample < count; sample++) yield sample;
}

async function collect(samples: AsyncIterable<number>): Promise<number[]> {
  const all: number[] = [];
  for await (const sample of samples) all.push(sample);
  return all;
}

it('holds out the same samples for all that is fitted and judged', async () => {
  const split = new Split<number[]>(() => []);
  for (let sample = 0; sample < 16; sample++) split.next().push(sample);
  expect(split.heldOut).toEqual([3, 7, 11, 15]);
  expect(split.fitted.some(isHeldOut)).toBe(false);
  expect(await collect(heldOutOf(upTo(16), 16, 8))).toEqual([3, 7, 11, 15]);
  expect(await collect(heldOutOf(upTo(16), 16, 2))).toEqual([7, 15]);
  expect(await collect(heldOutOf(upTo(3), 3, 8))).toEqual([0, 1, 2]);
});
