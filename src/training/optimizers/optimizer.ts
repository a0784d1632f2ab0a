// What an optimizer is: typed arrays of weights, and what it remembers of their gradients.

/** Weights by name; arrays are changed in place. */
export type Weights = ReadonlyMap<string, Float32Array>;

export interface Optimizer {
  /** One step along `gradients`; weights without a gradient stay. `rate`: the learning rate of this step. */
  step(weights: Weights, gradients: Weights, rate: number): void;
  /** What has to be kept to go on later; survives a structured clone. */
  state(): OptimizerState;
  restore(state: OptimizerState): void;
}

export interface OptimizerState {
  readonly steps: number;
  /** Arrays of the size of each weight, by weight and kind. */
  readonly moments: ReadonlyMap<string, readonly Float32Array[]>;
}
