// Compensated rounding against a direct transcription of SQuant's rules, and its promise: errors that add up to half a step at most.
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/numeric/index.js';
import {
  CompensatedRounding,
  computeParameters,
  createRanges,
  layoutOf,
  scanRange,
} from '../../../src/quantization/index.js';

const kernelSize = 9;
const kernels = 20;
const channels = 6;
const perChannel = kernels * kernelSize;
const layout = layoutOf([channels, kernels, 3, 3], { kind: 'channel', axis: 0 });

function drawWeights(seed: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: channels * perChannel }, () => random.normal());
}

function quantize(weights: Float32Array, symmetric: boolean) {
  const ranges = createRanges(layout);
  scanRange(weights, 0, layout, ranges);
  const parameters = computeParameters(ranges, {
    dataType: 'int8',
    symmetric,
    granularity: { kind: 'channel', axis: 0 },
  });
  const output = new Int8Array(weights.length);
  const rounding = new CompensatedRounding(kernelSize);
  for (let channel = 0; channel < channels; channel++) {
    rounding.quantize(weights, channel * perChannel, (channel + 1) * perChannel, parameters, channel, output);
  }
  const errors = Float64Array.from(weights, (w, i) => {
    const channel = Math.floor(i / perChannel);
    return output[i] - parameters.zeroPoint[channel] - w / parameters.scale[channel];
  });
  return { parameters, output, errors };
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);

describe.each([true, false])('compensated rounding (symmetric: %s)', (symmetric) => {
  it('leaves each weight on one of its two neighbours, each kernel and each channel with a small sum of errors', () => {
    for (let seed = 0; seed < 5; seed++) {
      const { errors, output } = quantize(drawWeights(seed), symmetric);
      expect(Math.max(...errors.map(Math.abs))).toBeLessThan(1.5);
      expect(Math.max(...output)).toBeLessThanOrEqual(127);
      expect(Math.min(...output)).toBeGreaterThanOrEqual(symmetric ? -127 : -128);
      for (let channel = 0; channel < channels; channel++) {
        const own = errors.subarray(channel * perChannel, (channel + 1) * perChannel);
        expect(Math.abs(sum(own))).toBeLessThanOrEqual(0.5 + 1e-6);
        // The channel's turn takes at most one step more.
        for (let kernel = 0; kernel < perChannel; kernel += kernelSize) {
          expect(Math.abs(sum(own.subarray(kernel, kernel + kernelSize)))).toBeLessThanOrEqual(1.5 + 1e-6);
        }
      }
    }
  });

  it('turns what SQuant turns', () => {
    for (let seed = 100; seed < 104; seed++) {
      const weights = drawWeights(seed);
      const { parameters, output } = quantize(weights, symmetric);
      for (let channel = 0; channel < channels; channel++) {
        const scale = parameters.scale[channel];
        const zero = parameters.zeroPoint[channel];
        const values = weights.subarray(channel * perChannel, (channel + 1) * perChannel);
        const expected = squant(values, scale, zero, parameters.minimum, parameters.maximum);
        expect([...output.subarray(channel * perChannel, (channel + 1) * perChannel)]).toEqual(expected);
      }
    }
  });
});

/** The rules on sorted lists, as in the paper's algorithm; weights at the bounds of the range stay. */
function squant(values: Float32Array, scale: number, zero: number, minimum: number, maximum: number): number[] {
  const exact = [...values].map((value) => value / scale + zero);
  const rounded = exact.map((value) => {
    const floor = Math.floor(value);
    const nearest = value - floor === 0.5 ? floor + (floor % 2 === 0 ? 0 : 1) : Math.round(value);
    return Math.min(Math.max(nearest, minimum), maximum);
  });
  const errorOf = (i: number): number => rounded[i] - exact[i];
  const turn = (candidates: readonly number[], all: readonly number[]): void => {
    const total = all.reduce((s, i) => s + errorOf(i), 0);
    const direction = Math.sign(total);
    const able = (i: number): boolean => rounded[i] - direction >= minimum && rounded[i] - direction <= maximum;
    const order = candidates.filter((i) => able(i) && direction * errorOf(i) > 0);
    order.sort((a, b) => direction * (errorOf(b) - errorOf(a)));
    for (const i of order.slice(0, Math.round(Math.abs(total)))) rounded[i] -= direction;
  };
  const indices = exact.map((_, i) => i);
  const ofKernel = (kernel: number): number[] => indices.slice(kernel * kernelSize, (kernel + 1) * kernelSize);
  for (let kernel = 0; kernel < kernels; kernel++) turn(ofKernel(kernel), ofKernel(kernel));
  const direction = Math.sign(indices.reduce((s, i) => s + errorOf(i), 0));
  const best = Array.from({ length: kernels }, (_, kernel) =>
    ofKernel(kernel)
      .filter((i) => rounded[i] - direction >= minimum && rounded[i] - direction <= maximum)
      .reduce((a, b) => (direction * errorOf(b) > direction * errorOf(a) ? b : a)),
  );
  turn(best, indices);
  return rounded.map((value) => value + 0);
}
