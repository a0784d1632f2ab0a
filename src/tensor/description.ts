// Tensors as plain values, so that a worker thread can read, compute and write them.
import { internalError } from '../errors.js';
import type { DataType } from './data-type.js';
import { FileSource, type FileSourceDescription } from './file-source.js';
import {
  ComputedTensor,
  type FileEncoding,
  FileTensor,
  MemoryTensor,
  type Tensor,
  type TensorKernel,
} from './tensor.js';

export type TensorDescription = { readonly dataType: DataType; readonly shape: readonly number[] } & (
  | { readonly kind: 'memory'; readonly data: Uint8Array }
  | {
      readonly kind: 'file';
      readonly source: FileSourceDescription;
      readonly offset: number;
      readonly length: number;
      readonly encoding: FileEncoding;
    }
  | {
      readonly kind: 'computed';
      readonly module: string;
      readonly exportName: string;
      readonly inputs: readonly TensorDescription[];
      readonly parameters: unknown;
    }
);

/** The tensor that `Tensor.describe` described. */
export async function restoreTensor(description: TensorDescription): Promise<Tensor> {
  const { dataType, shape } = description;
  switch (description.kind) {
    case 'memory':
      return new MemoryTensor(dataType, shape, description.data);
    case 'file':
      return new FileTensor(dataType, shape, FileSource.restore(description.source), description);
    case 'computed': {
      const exported: Record<string, unknown> = await import(description.module);
      const kernel = exported[description.exportName] as TensorKernel<unknown> | undefined;
      if (!kernel) throw internalError(`${description.module} exports no tensor kernel ${description.exportName}`);
      const inputs = await Promise.all(description.inputs.map(restoreTensor));
      return new ComputedTensor(dataType, shape, kernel, inputs, description.parameters);
    }
  }
}
