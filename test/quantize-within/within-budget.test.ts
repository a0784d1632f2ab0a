// What a budget of latency comes to, with measurements that are made up.
import { expect, it } from 'vitest';
import type { Attempt } from '../../src/quantize-within/attempt.js';
import { quantizeWithinBudget } from '../../src/quantize-within/within-budget.js';
import type { CompressionReport } from '../../src/report/index.js';

const names = ['a', 'b', 'c', 'd'];

/** Four operators, the first the most sensitive; `ratios` by how many of them stay float. */
async function search(ratios: readonly number[], latency: number) {
  const tried: number[] = [];
  const attempt: Attempt = async (added, { purpose }) => {
    const float = ((added.exclude as string[] | undefined) ?? []).length;
    if (purpose !== 'ranking') tried.push(float);
    const metrics = Object.fromEntries(names.map((name, index) => [`sensitivity ${name}`, 4 - index]));
    const passes = [{ pass: 'quantize-static', metrics, changed: [], skipped: [] }];
    const report = { passes, output: { bytes: 1e6 }, timing: { latency: { ratio: { median: ratios[float] } } } };
    return report as unknown as CompressionReport;
  };
  const { missed } = await quantizeWithinBudget('static', attempt, { latency }, { exclude: [], log: () => {} });
  return { tried, missed };
}

it('keeps as many operators in float as the latency allows', async () => {
  const { tried, missed } = await search([0.5, 0.6, 0.8, 0.9, 1], 0.85);
  expect(tried.at(-1)).toBe(2);
  expect(missed).toBeNull();
});

it('does not take noise of the original for a gain', async () => {
  const { tried, missed } = await search([0.9, 0.93, 0.96, 0.98, 0.94], 0.95);
  expect(tried).not.toContain(4);
  expect(tried.at(-1)).toBe(1);
  expect(missed).toBeNull();
});

it('ends with the fastest that was tried where none is fast enough', async () => {
  const { tried, missed } = await search([1.3, 1.2, 1.1, 1.02, 1], 0.95);
  expect(tried.at(-1)).toBe(3);
  expect(missed?.message).toBe('With 3 operators kept in float it is 1.02x');
  expect(missed?.hint).toContain('--mode dynamic');
});
