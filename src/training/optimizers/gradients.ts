// Arithmetic on sets of gradients: norm, clipping by it (Pascanu et al. 2013), sums; and the moving average of weights (Polyak and Juditsky 1992).
import type { Weights } from './optimizer.js';

/** Euclidean length of all gradients as one vector. */
export function gradientNorm(gradients: Weights): number {
  let sum = 0;
  for (const values of gradients.values()) for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
}

export function scaleGradients(gradients: Weights, factor: number): void {
  if (factor === 1) return;
  for (const values of gradients.values()) for (let i = 0; i < values.length; i++) values[i] *= factor;
}

/** Adds `gradients` to `total`. */
export function addGradients(total: Map<string, Float32Array>, gradients: Weights): void {
  for (const [name, values] of gradients) {
    const sum = total.get(name);
    if (!sum) total.set(name, values.slice());
    else for (let i = 0; i < values.length; i++) sum[i] += values[i];
  }
}

/** average ← decay · average + (1 − decay) · weights. */
export function updateAverage(average: Weights, weights: Weights, decay: number): void {
  for (const [name, values] of average) {
    const current = weights.get(name)!;
    for (let i = 0; i < values.length; i++) values[i] = decay * values[i] + (1 - decay) * current[i];
  }
}
