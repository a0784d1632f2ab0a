// The seam between an optimizer and the weights that a training graph is fed, where the two are not the same: rounded weights, scales that are trained.
import type { Weights } from '../optimizers/index.js';

/** What is trained in place of weights. Variables are named like the weight, or begin with its name and a slash. */
export interface WeightForm {
  /** Initializers that are fed beside those that every training finds. */
  readonly more: ReadonlySet<string>;
  /** Whether zeros of this weight may come from rounding alone. */
  rounds(name: string): boolean;
  /** What the optimizer moves for the weight `name` that now holds `values`; null where it moves the weight itself. */
  variables(name: string, values: Float32Array): Weights | null;
  /** Whether gradients move this variable; others keep track of something. */
  moves(variable: string): boolean;
  /** Bytes that are held beside variables. */
  readonly heldBytes: number;
  /** The weight that these variables stand for: a buffer that the next call for the same weight reuses. */
  weight(name: string, variables: Weights): Float32Array;
  /** Gradients by weights, as the graph gives them, become gradients by variables. */
  pull(gradients: Map<string, Float32Array>, variables: Weights): void;
  /** The variables that the training ended with. */
  keep(variables: Weights): void;
}
