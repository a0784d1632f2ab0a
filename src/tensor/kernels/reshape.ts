// The same bytes under another shape (Reshape, Squeeze, Unsqueeze, Flatten).
import { internalError } from '../../errors.js';
import { sizeOf } from '../data-type.js';
import { ComputedTensor, StringTensor, type Tensor, type TensorKernel } from '../tensor.js';

export const reshapeKernel: TensorKernel<null> = {
  module: import.meta.url,
  exportName: 'reshapeKernel',
  chunks: ([input]) => input.chunks(),
};

/** `shape` has as many elements as `tensor`. */
export function reshapeTensor(tensor: Tensor, shape: readonly number[]): Tensor {
  if (sizeOf(shape) !== tensor.size) throw internalError(`[${tensor.shape}] cannot be reshaped to [${shape}]`);
  if (tensor instanceof StringTensor) return new StringTensor(shape, tensor.values);
  return new ComputedTensor(tensor.dataType, shape, reshapeKernel, [tensor], null);
}
