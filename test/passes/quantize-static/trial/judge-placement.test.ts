// What is left in float or computed twice for exactness stands or falls by the outputs: at all bits and ways of rounding, and second passes value by value.
import { expect, it } from 'vitest';
import { quantizeStatic } from '../../../../passes/quantize-static/index.js';
import type { Model } from '../../../../src/ir/index.js';
import type { PassReport } from '../../../../src/pass/index.js';
import { runOnCopy } from '../../../fixture-models.js';
import { modelOf } from '../model-of.js';

const header = '<ir_version: 8, opset_import: ["" : 21]>';

it('keeps a second pass only for the values that outputs gain by', async () => {
  // Powers are rounded worst of all, but nobody sees those of the second branch.
  const original = modelOf(
    `${header}
graph (float[4,128] x, float[128,96] w1, float[96,96] w2, float[96,96] w3, float[96,96] w4, float[96,96] w5)
  => (float[4,96] y) <float nothing = {0.0}> {
  [t0] h0 = Tanh (x)
  [a] h1 = MatMul (h0, w1)
  [t1] h2 = Tanh (h1)
  [b] h3 = MatMul (h2, w2)
  [t2] h4 = Tanh (h3)
  [c] h5 = MatMul (h4, w3)
  [t3] h6 = Tanh (h5)
  [d] h7 = MatMul (h6, w4)
  [u1] u1 = Mul (h3, h3)
  [u2] u2 = Mul (u1, u1)
  [u3] u3 = Mul (u2, u2)
  [u4] unseen = Mul (u3, u3)
  [f] f = MatMul (unseen, w5)
  [n] n = Mul (f, nothing)
  [y] y = Add (h7, n)
}`,
  );
  const options = { preset: 'accurate', edges: 'integer', minimumSize: 1, maxOutputError: 0 };
  const twiceOf = ({ changed }: PassReport): string[] =>
    changed.filter(({ what }) => what.includes('two passes')).map(({ target }) => target);
  const { report } = await runOnCopy(original, quantizeStatic, options);
  const verdicts = report.techniques!.filter(({ technique }) => technique === 'second passes');
  const kept = verdicts.find((verdict) => verdict.kept)!;
  expect(kept.targets).toContain('h6');
  expect(kept.after).toBeLessThan(kept.before);
  expect(verdicts.find((verdict) => !verdict.kept)!.targets).toContain('unseen');
  expect(twiceOf(report)).toContain('d');
  expect(twiceOf(report)).not.toContain('f');
  const asked = await runOnCopy(original, quantizeStatic, { ...options, twoPass: 'worst' });
  expect(asked.report.techniques!.filter(({ technique }) => technique === 'second passes')).toEqual([]);
  expect(twiceOf(asked.report)).toEqual(expect.arrayContaining(['d', 'f']));
});

const convolutions = modelOf(`${header}
graph (float[1,8,12,12] x, float[16,8,1,1] w1, float[32,16,3,3] w2, float[128,32,3,3] w3, float[4,128,1,1] w4) => (float[1,4,8,8] y) {
  [first] h1 = Conv (x, w1)
  [t] t = Tanh (h1)
  [c2] h2 = Conv (t, w2)
  [r] r = Relu (h2)
  [c3] h3 = Conv (r, w3)
  [last] y = Conv (h3, w4)
}`);

it.each([{ bits: 4 }, { rounding: 'adaround', iterations: 20 }])(
  'judges ends of operators that are rounded in order: %o',
  async (rounding) => {
    const options = { ...rounding, minimumSize: 1, maxOutputError: 0, slowKernels: 'integer' };
    const auto = await runOnCopy(convolutions, quantizeStatic, options);
    const verdicts = auto.report.techniques!.filter(({ technique }) => technique.endsWith('operators in float'));
    expect(verdicts.map(({ technique }) => technique)).toEqual(['first operators in float', 'last operators in float']);
    for (const [index, { kept, before, after }] of verdicts.entries()) {
      const name = ['first', 'last'][index];
      expect(kept).toBe(after < before);
      expect(auto.report.skipped.some(({ target }) => target === name)).toBe(kept);
      expect(auto.report.changed.some(({ target }) => target === name)).toBe(!kept);
    }
    // What lies between is fitted to ends in float, as if nothing had been tried.
    const float = await runOnCopy(convolutions, quantizeStatic, { ...options, edges: 'float' });
    const weights = largestIntegers(float.model);
    expect(weights).toHaveLength(2);
    expect(largestIntegers(auto.model)).toEqual(weights);
  },
);

/** Integers of the two convolutions in the middle. */
function largestIntegers({ graph }: Model): unknown[] {
  const tensors = [...graph.initializers].flatMap(({ constant }) => (constant ? [constant] : []));
  return tensors
    .filter(({ dataType, size }) => /^int[48]$/.test(dataType) && size > 4000)
    .map((tensor) => tensor.read());
}
