// The matrix that a weight request means, as algorithms see it: W [K, N], and how it is to be stored.
import { type MatrixForm, turned } from '../../src/quantization/index.js';
import type { WeightRequest } from './plan.js';

/** W [K, N] as float32. */
export function readMatrix({ source, form, rows }: WeightRequest): Float32Array {
  const stored = source.tensor.readFloat32();
  return rows ? turned(stored, form.layout.k) : stored;
}

export function formOf({ form }: WeightRequest): MatrixForm {
  if (form.kind === 'packed') {
    const { bits, codebook, layout } = form;
    return { kind: 'packed', bits, codebook, blockSize: layout.blockSize };
  }
  const { bits, blockSize, symmetric } = form.scheme;
  return { kind: 'blocks', bits, blockSize, symmetric };
}
