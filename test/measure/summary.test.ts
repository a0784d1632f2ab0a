import { expect, test } from 'vitest';
import { summarizeLatencies, summarizeRatio } from '../../src/measure/summary.js';

test('percentiles are linear between neighbours and the mean is exact', () => {
  const latencies = Array.from({ length: 101 }, (_, index) => 100 - index);
  expect(summarizeLatencies(latencies)).toEqual({ p50: 50, p95: 95, p99: 99, mean: 50 });
});

test('the ratio is taken round by round, so a slow phase of the machine drops out', () => {
  // Twice as slow in every round, on a machine that is 10 times slower in the last two.
  const reference = [
    [1, 1, 1],
    [1, 1, 1],
    [10, 10, 10],
    [10, 10, 10],
  ];
  const model = reference.map((round) => round.map((latency) => 2 * latency));
  expect(summarizeRatio(model, reference)).toEqual({ median: 2, lower: 2, upper: 2 });
});

test('the spread of the ratio is its quartiles over the rounds', () => {
  const reference = [1, 2, 3, 4, 5].map((latency) => [latency]);
  const model = [1, 4, 9, 16, 25].map((latency) => [latency]);
  expect(summarizeRatio(model, reference)).toEqual({ median: 3, lower: 2, upper: 4 });
});

test('one outlier within a round does not move its ratio', () => {
  expect(summarizeRatio([[2, 2, 90]], [[1, 1, 1]]).median).toBe(2);
});
