import { describe, expect, it } from 'vitest';
import {
  computesIntegers,
  defaultTarget,
  highestOpset,
  implementsProbe,
  parseTarget,
} from '../../../src/quantization/index.js';

describe('runtimes', () => {
  it('are named with or without a version', () => {
    expect(parseTarget('cpu')).toEqual({ runtime: 'cpu', version: null });
    expect(parseTarget('web@1.20.1')).toEqual({ runtime: 'web', version: '1.20.1' });
    expect(parseTarget('generic')).toEqual({ runtime: 'generic', version: null });
  });

  it.each(['gpu', 'cpu@', 'cpu@1.x', 'generic@1', 'cpu@1.2'])('are refused: %s', (text) => {
    expect(() => parseTarget(text)).toThrow(/is no runtime|is older than/);
  });

  it('read opsets as their version does', () => {
    expect(highestOpset(parseTarget('cpu@1.17'))).toBeLessThan(highestOpset(parseTarget('cpu@1.23')));
    expect(highestOpset(defaultTarget)).toBeGreaterThanOrEqual(highestOpset(parseTarget('cpu@1.23')));
    expect(highestOpset(parseTarget('generic'))).toBe(Number.POSITIVE_INFINITY);
  });

  it('know what the probes found', () => {
    expect(computesIntegers(defaultTarget, 'qdq Add uint8')).toBe(true);
    // Pairs of signed activations are fused around products only, on x86.
    expect(computesIntegers(defaultTarget, 'qdq Add int8')).toBe(false);
    expect(computesIntegers(defaultTarget, 'qdq Conv int8 int8')).toBe(true);
    expect(implementsProbe(defaultTarget, 'op QLinearAdd int8')).toBe(true);
    expect(implementsProbe(defaultTarget, 'op QLinearAdd int16')).toBe(false);
    // 8-bit DepthToSpace came later than the oldest version.
    expect(implementsProbe(parseTarget('cpu@1.17.3'), 'op DepthToSpace uint8')).toBe(false);
    expect(implementsProbe(parseTarget('cpu@1.30'), 'op DepthToSpace uint8')).toBe(true);
  });
});
