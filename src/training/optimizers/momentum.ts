// Stochastic gradient descent with momentum (Polyak 1964), Nesterov's form optional (Sutskever et al. 2013); weight decay is added to the gradient.
import type { Optimizer, OptimizerState, Weights } from './optimizer.js';

export interface MomentumOptions {
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly decay?: (name: string) => number;
}

export class Momentum implements Optimizer {
  private readonly options: Required<MomentumOptions>;
  private steps = 0;
  private velocities = new Map<string, Float32Array>();

  constructor({ momentum = 0.9, nesterov = false, decay = () => 0 }: MomentumOptions = {}) {
    this.options = { momentum, nesterov, decay };
  }

  step(weights: Weights, gradients: Weights, rate: number): void {
    const { momentum, nesterov, decay } = this.options;
    this.steps++;
    for (const [name, weight] of weights) {
      const gradient = gradients.get(name);
      if (!gradient) continue;
      let velocity = this.velocities.get(name);
      if (!velocity) {
        velocity = new Float32Array(weight.length);
        this.velocities.set(name, velocity);
      }
      const shrink = decay(name);
      for (let i = 0; i < weight.length; i++) {
        const g = gradient[i] + shrink * weight[i];
        velocity[i] = momentum * velocity[i] + g;
        weight[i] -= rate * (nesterov ? g + momentum * velocity[i] : velocity[i]);
      }
    }
  }

  state(): OptimizerState {
    return { steps: this.steps, moments: new Map([...this.velocities].map(([name, velocity]) => [name, [velocity]])) };
  }

  restore({ steps, moments }: OptimizerState): void {
    this.steps = steps;
    this.velocities = new Map([...moments].map(([name, [velocity]]) => [name, velocity]));
  }
}
