import { expect, it } from 'vitest';
import { slowdownWarning } from '../../../src/report/facts/slowdown-warning.js';
import type { CompressionReport, PassFacts } from '../../../src/report/schema/compression-report.js';

const pass: PassFacts = {
  pass: 'quantize-static',
  options: {},
  edited: true,
  changed: [{ target: 'a', what: 'integer Conv' }],
  skipped: [],
  metrics: { conversions: 20, unfusedNodes: 0 },
  warnings: [],
};

function warn(median: number, lower: number, ...passes: readonly PassFacts[]): string | null {
  const latency = { ratio: { median, lower, upper: median } };
  return slowdownWarning({ timing: { latency }, passes } as unknown as CompressionReport);
}

it('says how much slower a result is, why, and what to try', () => {
  const warning = warn(1.5, 1.4, pass);
  expect(warning).toContain('1.50 times as long');
  expect(warning).toContain(': 20 conversions between floats and integers take more');
  expect(warning).toContain('--target-latency 0.95x');
  expect(warn(1.5, 1.4, { ...pass, metrics: { conversions: 2, unfusedNodes: 3 } })).toContain(
    '2 conversions between floats and integers and 3 nodes',
  );
  expect(warn(1.5, 1.4, { ...pass, metrics: {} })).toContain('on this processor');
});

it('says of pruned and factorized models why they may be slower', () => {
  expect(warn(1.2, 1.1, { ...pass, pass: 'prune-channels', metrics: {} })).toContain('--cost-model padded');
  expect(warn(1.2, 1.1, { ...pass, pass: 'tucker', metrics: {} })).toContain('a larger share');
  expect(warn(1.2, 1.1, { ...pass, pass: 'tucker', metrics: {} }, pass)).toContain('20 conversions');
});

it('says nothing where the result is no slower for sure, or nothing was done to be faster or measured', () => {
  expect(warn(1.1, 1.02, pass)).toBeNull();
  expect(warn(0.6, 0.5, pass)).toBeNull();
  expect(warn(1.5, 1.4, { ...pass, changed: [] })).toBeNull();
  expect(warn(1.5, 1.4, { ...pass, pass: 'quantize-dynamic' })).toBeNull();
  expect(slowdownWarning({ timing: { latency: null }, passes: [pass] } as unknown as CompressionReport)).toBeNull();
});
