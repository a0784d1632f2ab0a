// Cross-layer equalization (Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction"): channels between two
// linear operators are rescaled, by ranges or by half of that, where it lowers the error that eight bits make.
import { definePass } from '../../src/pass/index.js';
import { smoothChannels } from '../../src/smoothing/index.js';
import { options } from './options.js';

export const equalize = definePass({
  name: 'equalize',
  kind: 'smooth',
  summary: 'Rescales the channels between two linear operators, exactly, so that one range holds them better.',
  options,
  needs: ['samples', 'inference'],
  async run(model, _options, context) {
    await smoothChannels(
      model,
      context.targets('Conv', 'Gemm', 'MatMul'),
      ({ source }) => source.kind === 'linear',
      function* (activations, weights) {
        for (const strength of [0.25, 0.5, 0.75, 1]) {
          yield [`√(r₁/r₂) to the power of ${strength}`, equalizingFactors(activations, weights, strength)];
        }
      },
      context,
    );
  },
});

/** (r₁ / r₂)^(strength / 2), relative to its geometric mean, of the ranges of a channel and of the weights that it meets. */
export function equalizingFactors(first: Float32Array, second: Float32Array, strength: number): Float32Array {
  const logarithms = first.map((range, channel) =>
    range > 0 && second[channel] > 0 ? (strength / 2) * Math.log(range / second[channel]) : Number.NaN,
  );
  const known = logarithms.filter((value) => !Number.isNaN(value));
  const mean = known.reduce((sum, value) => sum + value, 0) / Math.max(known.length, 1);
  return logarithms.map((value) => (Number.isNaN(value) ? 1 : Math.exp(value - mean)));
}
