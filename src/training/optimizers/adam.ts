// Adam (Kingma and Ba 2015), and with decoupled weight decay AdamW (Loshchilov and Hutter 2019).
import type { Optimizer, OptimizerState, Weights } from './optimizer.js';

export interface AdamOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Decay of each weight a step, times the rate; by name, so that biases can stay. Default none. */
  readonly decay?: (name: string) => number;
}

export class Adam implements Optimizer {
  private readonly options: Required<AdamOptions>;
  private steps = 0;
  private moments = new Map<string, readonly [Float32Array, Float32Array]>();

  constructor({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = () => 0 }: AdamOptions = {}) {
    this.options = { beta1, beta2, epsilon, decay };
  }

  step(weights: Weights, gradients: Weights, rate: number): void {
    const { beta1, beta2, epsilon, decay } = this.options;
    this.steps++;
    const first = 1 - beta1 ** this.steps;
    const second = 1 - beta2 ** this.steps;
    for (const [name, weight] of weights) {
      const gradient = gradients.get(name);
      if (!gradient) continue;
      const [m, v] = this.momentsOf(name, weight.length);
      const kept = 1 - rate * decay(name);
      for (let i = 0; i < weight.length; i++) {
        const g = gradient[i];
        m[i] = beta1 * m[i] + (1 - beta1) * g;
        v[i] = beta2 * v[i] + (1 - beta2) * g * g;
        weight[i] = kept * weight[i] - (rate * (m[i] / first)) / (Math.sqrt(v[i] / second) + epsilon);
      }
    }
  }

  state(): OptimizerState {
    return { steps: this.steps, moments: this.moments };
  }

  restore({ steps, moments }: OptimizerState): void {
    this.steps = steps;
    this.moments = new Map([...moments].map(([name, [m, v]]) => [name, [m, v]]));
  }

  private momentsOf(name: string, length: number): readonly [Float32Array, Float32Array] {
    let moments = this.moments.get(name);
    if (!moments) {
      moments = [new Float32Array(length), new Float32Array(length)];
      this.moments.set(name, moments);
    }
    return moments;
  }
}
