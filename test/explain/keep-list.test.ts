import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { cheapestPrefix, chooseKept, excludeFlags, rank, selectorOf } from '../../src/explain/keep-list.js';

test('the costliest nodes are kept until half of the cost is gone', () => {
  expect(chooseKept([1, 5, 2, 2])).toEqual([1]);
  expect(chooseKept([3, 2, 3, 2])).toEqual([0, 2]);
  expect(chooseKept([0, 0])).toEqual([]);
});

test('no more than eight are kept where all cost the same', () => {
  expect(chooseKept(new Array(40).fill(1))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('nodes that break the model are all kept', () => {
  expect(chooseKept([1, Number.POSITIVE_INFINITY, 2, Number.POSITIVE_INFINITY])).toEqual([1, 3]);
});

test('a list is as short as it can be while it saves nearly all that can be saved', () => {
  expect(cheapestPrefix(10, [4, 3.8, 3.9])).toBe(1);
  expect(cheapestPrefix(10, [9, 3, 2])).toBe(3);
  expect(cheapestPrefix(10, [11, 10, 12])).toBe(0);
  expect(cheapestPrefix(10, [])).toBe(0);
  expect(cheapestPrefix(Number.POSITIVE_INFINITY, [Number.POSITIVE_INFINITY, 2])).toBe(2);
});

test('equal costs keep their order', () => {
  expect(rank([1, 2, 2, 3])).toEqual([3, 1, 2, 0]);
});

test('flags survive a shell', () => {
  const names = ['/encoder/layer.0/MatMul', "it's a; $(name)", 'a b*'];
  const flags = excludeFlags(names.map(selectorOf));
  expect(flags).toContain('--exclude /encoder/layer.0/MatMul --exclude');
  const printed = execFileSync('/bin/sh', ['-c', `printf '%s\\n' ${flags}`], { encoding: 'utf8' });
  expect(printed.trimEnd().split('\n')).toEqual(names.flatMap((name) => ['--exclude', name]));
});

test('names that look like other selectors, or have control characters, become globs', () => {
  expect(selectorOf('re:x')).toBe('?e:x');
  expect(selectorOf('a\nb')).toBe('a?b');
});
