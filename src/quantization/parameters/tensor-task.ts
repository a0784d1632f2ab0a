// Work on a whole tensor: in a worker thread, or here where the tensor cannot be described to one.
import type { Task, Workers } from '../../parallel/index.js';
import { restoreTensor, type Tensor, type TensorDescription } from '../../tensor/index.js';

interface Described<Input> {
  readonly tensor: TensorDescription;
  readonly input: Input;
}

/** `compute` depends on nothing but what it is given; its result is kept for runs that go on. */
export interface TensorTask<Input, Output> extends Task<Described<Input>, Output> {
  readonly compute: (tensor: Tensor, input: Input) => Output;
}

/** The task that `module` (`import.meta.url`) exports as `exportName`. */
export function tensorTask<Input, Output>(
  module: string,
  exportName: string,
  compute: (tensor: Tensor, input: Input) => Output,
): TensorTask<Input, Output> {
  return {
    module,
    exportName,
    keep: true,
    compute,
    run: async ({ tensor, input }) => compute(await restoreTensor(tensor), input),
  };
}

export async function workOnTensor<Input, Output>(
  task: TensorTask<Input, Output>,
  tensor: Tensor,
  input: Input,
  workers: Workers,
  signal?: AbortSignal,
): Promise<Output> {
  const description = tensor.describe();
  if (description === null) return task.compute(tensor, input);
  return workers.run(task, { tensor: description, input }, signal);
}
