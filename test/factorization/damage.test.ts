// Expected figures are computed by hand from the definitions.
import { describe, expect, test } from 'vitest';
import { DamageCurve } from '../../src/factorization/ranks/damage-curve.js';
import { DivergenceMeter } from '../../src/factorization/ranks/divergence.js';
import { parseModel } from '../../src/ir/index.js';
import { float32Tensor } from '../../src/tensor/index.js';

describe('the divergence of outputs', () => {
  const measure = (
    operator: string,
    shape: readonly number[],
    reference: readonly number[],
    other: readonly number[],
  ): number => {
    const model = parseModel(
      `<ir_version: 8, opset_import: ["" : 17]> g (float[${shape}] x) => (float[${shape}] y) { y = ${operator}(x) }`,
    );
    const meter = new DivergenceMeter(model, model.graph.outputs[0]);
    meter.add(float32Tensor(shape, reference), float32Tensor(shape, other));
    return meter.value;
  };
  const half = [0.5, 0.5];
  const quarter = [0.25, 0.75];
  /** Σ p·ln(p / q). */
  const expected = 0.5 * Math.log(2) + 0.5 * Math.log(2 / 3);

  test.each([[[1, 2]], [[1, 2, 1]], [[1, 2, 1, 1]], [[1, 1, 2]], [[1, 1, 1, 2]], [[1, 1, 2, 1]]])(
    'is that of class scores where one axis is not 1: %j',
    (shape) => {
      expect(measure('Softmax', shape, half, quarter)).toBeCloseTo(expected, 6);
      const logits = (values: readonly number[]): number[] => values.map((value) => Math.log(value) + 3);
      expect(measure('Neg', shape, logits(half), logits(quarter))).toBeCloseTo(expected, 6);
    },
  );

  test('is the mean over rows of class scores', () => {
    expect(measure('Softmax', [1, 2, 2], [...half, ...half], [...quarter, ...half])).toBeCloseTo(expected / 2, 6);
  });

  test('is the relative squared error of images', () => {
    expect(measure('Neg', [1, 1, 2, 2], [1, 2, 2, 4], [1, 2, 2, 9])).toBeCloseTo(1, 6);
  });
});

describe('a damage curve', () => {
  test('is in proportion to the error where one was measured', () => {
    const curve = new DamageCurve();
    expect(curve.at(1)).toBe(0);
    curve.add(2, 6);
    expect([curve.at(0), curve.at(1), curve.at(4)]).toEqual([0, 3, 12]);
  });

  test('is a power of the error between two, and behind them', () => {
    const curve = new DamageCurve();
    curve.add(4, 16);
    curve.add(1, 1);
    expect(curve.at(2)).toBeCloseTo(4, 12);
    expect(curve.at(8)).toBeCloseTo(64, 12);
    expect(curve.at(0.5)).toBeCloseTo(0.5, 12);
    expect([curve.at(1), curve.at(4)]).toEqual([1, 16]);
  });

  test('does not fall behind what was measured', () => {
    const curve = new DamageCurve();
    curve.add(1, 2);
    curve.add(2, 1);
    expect(curve.at(4)).toBe(2);
  });

  test('stays finite where outputs do not', () => {
    const curve = new DamageCurve();
    curve.add(1, 1e-3);
    curve.add(2, Number.POSITIVE_INFINITY);
    for (const error of [1.5, 2, 1e6]) expect(Number.isFinite(curve.at(error))).toBe(true);
    expect(curve.at(2)).toBeGreaterThan(1e99);
  });

  test('knows which errors it was measured near', () => {
    const curve = new DamageCurve();
    curve.add(2, 6);
    expect([1, 1.5, 2, 2.9, 3.1].map((error) => curve.isMeasuredNear(error))).toEqual([false, true, true, true, false]);
  });
});
