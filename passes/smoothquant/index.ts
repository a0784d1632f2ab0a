// SmoothQuant (Xiao et al. 2023): channels of the inputs of matrix products are divided by s = max|X|^α / max|W|^(1 − α), and the weights multiplied by
// it; folded exactly into the norm or the up projection that computes them, so that no node is added.
import { definePass } from '../../src/pass/index.js';
import { smoothChannels } from '../../src/smoothing/index.js';
import { options } from './options.js';

export const smoothquant = definePass({
  name: 'smoothquant',
  kind: 'smooth',
  summary: 'Moves large channels of activations into the weights that meet them, exactly, before quantization.',
  options,
  needs: ['samples', 'inference'],
  async run(model, { alphas }, context) {
    await smoothChannels(
      model,
      context.targets('MatMul', 'Gemm'),
      ({ consumers: [{ kind }] }) => kind === 'matrix',
      function* (activations, weights) {
        for (const alpha of alphas) yield [`α ${alpha}`, smoothingFactors(activations, weights, alpha)];
      },
      context,
    );
  },
});

/** s = max|X|^α / max|W|^(1 − α), with a geometric mean of 1; 1 where a channel or its weights are zero. */
export function smoothingFactors(activations: Float32Array, weights: Float32Array, alpha: number): Float32Array {
  const logarithms = activations.map((activation, channel) => {
    const weight = weights[channel];
    return activation > 0 && weight > 0 ? alpha * Math.log(activation) - (1 - alpha) * Math.log(weight) : Number.NaN;
  });
  const known = logarithms.filter((value) => !Number.isNaN(value));
  const mean = known.reduce((sum, value) => sum + value, 0) / Math.max(known.length, 1);
  return logarithms.map((value) => (Number.isNaN(value) ? 1 : Math.exp(value - mean)));
}
