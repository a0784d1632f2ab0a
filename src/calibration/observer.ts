// What looks at the values of one tensor of a model, sample after sample, in memory that grows neither with samples nor with activations.
import type { Tensor } from '../tensor/index.js';

export interface Observer {
  /** Called once a sample, in the order of the samples; the tensor is only valid during the call. */
  observe(tensor: Tensor): void | Promise<void>;
}
