import { expect, test } from 'vitest';
import {
  digits,
  formatBytes,
  formatChange,
  formatCosine,
  formatCount,
  formatDecibels,
  formatError,
  formatMagnitude,
  printable,
} from '../../../src/report/index.js';

test.each([
  [formatBytes(418_134_217), '418.1 MB'],
  [formatBytes(1_094_598), '1.1 MB'],
  [formatBytes(287_617), '287.6 kB'],
  [formatBytes(12_345), '12.3 kB'],
  [formatBytes(3_221_225_472), '3221.2 MB'],
  [formatChange(418, 106), '−74.6 %'],
  [formatChange(100, 103.24), '+3.2 %'],
  [formatChange(100, 99.99), '0.0 %'],
  [formatChange(0, 5), 'new'],
  [formatCosine(0.99931), '0.9993'],
  [formatCosine(0.999998), '0.999998'],
  [formatCosine(0.99996), '0.99996'],
  [formatCosine(1), '1.0000'],
  [formatCosine(-0.5), '−0.5000'],
  [formatCosine(null), 'undefined'],
  [formatDecibels(-3.14), '−3.1 dB'],
  [formatDecibels(null), 'no noise'],
  [formatError(0), '0'],
  [formatError(0.031249), '0.0312'],
  [formatError(1.25e-7), '1.25e-7'],
  [formatCount(1_234_567), '1,234,567'],
  [formatMagnitude(11_200_000_000), '11.2 G'],
  [formatMagnitude(999), '999'],
  [digits(62.123), '62.1'],
  [digits(4.5678), '4.57'],
  [digits(0.01234), '0.012'],
  [digits(1234.5), '1235'],
])('%s', (text, expected) => {
  expect(text).toBe(expected);
});

test('control characters of hostile names do not reach the terminal', () => {
  expect(printable('a\u001b[31mb\nc\u202e')).toBe('a\\u{1b}[31mb\\u{a}c\\u{202e}');
});
