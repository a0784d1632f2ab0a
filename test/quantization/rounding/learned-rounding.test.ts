import { expect, it } from 'vitest';
import { MatrixProducts } from '../../../src/engine/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import {
  clippedScales,
  fittingScales,
  learnRounding,
  meanError,
  type RowWeights,
  roundToNearest,
} from '../../../src/quantization/index.js';
import { engine } from '../../fixture-models.js';

const [channels, columns, count] = [3, 10, 400];
const bounds = { minimum: -8, maximum: 7 };
const random = createRandom(3);
const values = Float32Array.from({ length: channels * columns }, () => random.normal());
const weights: RowWeights = { values, rows: channels, columns, scale: Float32Array.of(0.45, 0.45, 0.45), bounds };
const bias = Float32Array.of(0.1, -0.3, 0);
/** Inputs that go together, as activations do. */
const inputs = new Float32Array(count * columns);
for (let row = 0; row < count; row++) {
  const base = random.normal();
  for (let i = 0; i < columns; i++) inputs[row * columns + i] = 0.7 * base + 0.7 * random.normal();
}
const targets = new Float32Array(count * channels);
for (let row = 0; row < count; row++) {
  for (let channel = 0; channel < channels; channel++) {
    let sum = bias[channel];
    for (let i = 0; i < columns; i++) sum += inputs[row * columns + i] * values[channel * columns + i];
    targets[row * channels + channel] = sum;
  }
}
const rows = { inputs, targets, offsets: null, count };

/** Sum over the rows, computed plainly. */
function errorOf(integers: Int8Array, rectified: boolean): number {
  const f = (y: number): number => (rectified ? Math.max(y, 0) : y);
  let error = 0;
  for (let row = 0; row < count; row++) {
    for (let channel = 0; channel < channels; channel++) {
      let y = bias[channel];
      for (let i = 0; i < columns; i++) {
        y += inputs[row * columns + i] * integers[channel * columns + i] * weights.scale[channel];
      }
      error += (f(y) - f(targets[row * channels + channel])) ** 2;
    }
  }
  return error / count;
}

/** The least error of all 2^10 ways to round each row up or down. */
function leastError(rectified: boolean): number {
  const floors = Int8Array.from(values, (value, i) => Math.floor(value / weights.scale[Math.floor(i / columns)]));
  let sum = 0;
  for (let channel = 0; channel < channels; channel++) {
    let least = Number.POSITIVE_INFINITY;
    for (let choice = 0; choice < 1 << columns; choice++) {
      const integers = floors.slice();
      for (let i = 0; i < columns; i++) integers[channel * columns + i] += (choice >> i) & 1;
      const others = integers.slice();
      for (let i = 0; i < columns; i++) others[channel * columns + i] = floors[channel * columns + i];
      least = Math.min(least, errorOf(integers, rectified) - errorOf(others, rectified));
    }
    sum += least;
  }
  return errorOf(floors, rectified) + sum;
}

it.each([false, true])(
  'comes close to the best of all ways to round up or down (behind a Relu: %s)',
  async (rectified) => {
    const products = new MatrixProducts(engine);
    try {
      const options = { iterations: 400, batch: 128, random: createRandom(1) };
      const integers = await learnRounding({ weights, bias, rows, rectified }, products, options);
      const nearest = errorOf(roundToNearest(weights), rectified);
      expect(errorOf(integers, rectified)).toBeLessThan(1.25 * leastError(rectified));
      expect(errorOf(integers, rectified)).toBeLessThan(0.8 * nearest);
      for (const [i, integer] of integers.entries()) {
        expect(Math.abs(integer - values[i] / weights.scale[Math.floor(i / columns)])).toBeLessThan(1);
      }
      expect(await meanError(weights, integers, bias, rows, rectified, products)).toBeCloseTo(
        errorOf(integers, rectified),
        4,
      );
    } finally {
      await products.close();
    }
  },
);

it('cuts off an outlier where that lowers the error, and nothing where it does not', () => {
  const spread = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i));
  const even = { values: spread, rows: 1, columns: 64, bounds };
  const outlier = { ...even, values: spread.with(5, 2) };
  expect(fittingScales(even)[0]).toBeCloseTo(1 / 7, 3);
  expect(clippedScales(even, null)[0]).toBeGreaterThan(0.9 * fittingScales(even)[0]);
  expect(clippedScales(outlier, null)[0]).toBeLessThan(0.9 * fittingScales(outlier)[0]);
});
