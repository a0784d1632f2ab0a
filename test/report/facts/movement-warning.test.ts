import { describe, expect, it } from 'vitest';
import { movementWarning } from '../../../src/report/facts/movement-warning.js';
import type { Fidelity, PassFacts } from '../../../src/report/schema/compression-report.js';

const facts = { edited: true, changed: [{ target: 'a', what: 'int8' }], skipped: [], metrics: {}, warnings: [] };
const staticPass: PassFacts = { pass: 'quantize-static', options: { preset: 'balanced' }, ...facts };

function fidelityOf(inputs: Fidelity['inputs'], ...cosines: readonly (number | null)[]): Fidelity {
  const figures = { identical: false, sqnr: 3, maxAbsError: 1, nonFinite: 0, differentShapes: 0 };
  const outputs = cosines.map((cosine, index) => ({ name: `out${index}`, cosine, ...figures }));
  return { inputs, samples: 3, method: 'whole', slices: 1, outputs, worst: null };
}

describe('movementWarning', () => {
  it('names the output that moved furthest and what to try', () => {
    const warning = movementWarning({ fidelity: fidelityOf('given', 0.94, 0.999, 0.3, null), passes: [staticPass] });
    expect(warning).toContain('out2 moved far');
    expect(warning).toContain('cosine 0.3000, and 1 more');
    expect(warning).toContain('--image-scale');
    expect(warning).toContain('--preset accurate');
    expect(warning).not.toContain('made-up');
  });

  it('advises what the mode has', () => {
    const weights = { ...staticPass, pass: 'quantize-weights', options: { bits: 2 } };
    const warning = movementWarning({ fidelity: fidelityOf('synthetic', 0.9), passes: [weights] });
    expect(warning).toContain('made-up inputs');
    expect(warning).toContain('more --bits; --calibration-data');
    expect(warning).not.toContain('preset');
    const accurate = { ...staticPass, options: { preset: 'accurate' } };
    expect(movementWarning({ fidelity: fidelityOf('given', 0.9), passes: [accurate] })).not.toContain('preset');
  });

  it('says nothing where outputs stayed near, or nothing was quantized or compared', () => {
    expect(movementWarning({ fidelity: fidelityOf('given', 0.96, null), passes: [staticPass] })).toBeNull();
    expect(movementWarning({ fidelity: null, passes: [staticPass] })).toBeNull();
    const pruned = { ...staticPass, pass: 'prune-channels' };
    expect(movementWarning({ fidelity: fidelityOf('given', 0.5), passes: [pruned] })).toBeNull();
    const idle = { ...staticPass, changed: [] };
    expect(movementWarning({ fidelity: fidelityOf('given', 0.5), passes: [idle] })).toBeNull();
  });
});
