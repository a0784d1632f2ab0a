import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/numeric/index.js';
import { scaledRounder, scaleRows, searchChannelScales } from '../../../src/quantization/matrices/channel-scales.js';
import { MatrixRounder } from '../../../src/quantization/matrices/round-matrix.js';

const [k, n] = [64, 16];
const random = createRandom(3);
const weights = Float32Array.from({ length: k * n }, () => random.normal());
const form = { kind: 'blocks', bits: 4, blockSize: 32, symmetric: true } as const;

/** Independent inputs, a few of them much larger than the others. */
function gramOf(magnitude: (channel: number) => number): Float64Array {
  const gram = new Float64Array(k * k);
  for (let i = 0; i < k; i++) gram[i * (k + 1)] = magnitude(i) ** 2;
  return gram;
}

/** Σ over inputs and outputs of (x·e)². */
function outputError(gram: Float64Array, decoded: Float32Array): number {
  return decoded.reduce((sum, value, i) => sum + gram[Math.floor(i / n) * (k + 1)] * (weights[i] - value) ** 2, 0);
}

describe('searchChannelScales', () => {
  it('rounds finest what the largest inputs meet', () => {
    const gram = gramOf((channel) => (channel % 16 === 0 ? 20 : 1));
    const scales = searchChannelScales({ matrices: [{ weights, n, form }], gram })!;
    expect(scales[0]).toBeGreaterThan(1.5 * scales[1]);
    expect(Math.max(...scales) * Math.min(...scales)).toBeCloseTo(1, 4);
    const plain = new MatrixRounder(gram, k, { damping: 0, actOrder: false }).round(weights, n, form, 'mse-clip')!;
    const scaled = scaledRounder(gram, scales).round(scaleRows(weights, scales), n, form, 'awq')!;
    const restored = scaleRows(
      scaled.rounding.decode(),
      scales.map((scale) => 1 / scale),
    );
    expect(outputError(gram, restored)).toBeLessThan(0.8 * outputError(gram, plain.rounding.decode()));
  });

  it('leaves alone what all inputs meet alike', () => {
    expect(searchChannelScales({ matrices: [{ weights, n, form }], gram: gramOf(() => 2) })).toBeNull();
  });
});
