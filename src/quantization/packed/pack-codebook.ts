// Packing a weight as bytes that stand for vectors (codebook.ts): scales and multipliers are those of 4 bits, the codebook is fitted in a worker thread,
// and the bytes are found while the file is written.
import { throwIfAborted } from '../../errors.js';
import { unpackSigned } from '../../numeric/index.js';
import type { Workers } from '../../parallel/index.js';
import { ComputedTensor, chunkLength, MemoryTensor, type Tensor, type TensorKernel } from '../../tensor/index.js';
import { tensorTask, workOnTensor } from '../parameters/tensor-task.js';
import { float32Pieces } from '../parameters/weight-pieces.js';
import { chooseVectors, fitCodebook, nearestEntries, vectorLength, type WeightedVectors } from './codebook.js';
import { type PackedLayout, type PackedParameters, packedMultipliers, packWeight } from './pack-weight.js';

interface CodebookInput {
  readonly layout: PackedLayout;
  readonly parameters: PackedParameters;
}

export const fitCodebookTask = tensorTask(import.meta.url, 'fitCodebookTask', fitToWeight);

/** Whether whole vectors lie in the blocks of a weight. */
export function holdsVectors({ inner, blockSize }: PackedLayout): boolean {
  return (inner * blockSize) % vectorLength === 0;
}

/** Scales, multipliers and codebook of `tensor`, or the reason why it has none. */
export async function packByCodebook(
  tensor: Tensor,
  layout: PackedLayout,
  workers: Workers,
  signal?: AbortSignal,
): Promise<PackedParameters | string> {
  const parameters = await packWeight(tensor, layout, { bits: 4, search: 'mse-clip' }, workers, signal);
  if (typeof parameters === 'string') return parameters;
  throwIfAborted(signal);
  const codebook = await workOnTensor(fitCodebookTask, tensor, { layout, parameters }, workers, signal);
  return { ...parameters, codebook };
}

function fitToWeight(tensor: Tensor, { layout, parameters }: CodebookInput): Int8Array {
  const chosen = chooseVectors(tensor.size / vectorLength);
  const fitted = {
    values: new Float32Array(chosen.length * vectorLength),
    weights: new Float32Array(chosen.length * vectorLength),
  };
  let next = 0;
  for (const { first, vectors } of vectorPieces(tensor, layout, parameters)) {
    const from = first / vectorLength;
    const end = from + vectors.values.length / vectorLength;
    for (; next < chosen.length && chosen[next] < end; next++) {
      const at = (chosen[next] - from) * vectorLength;
      fitted.values.set(vectors.values.subarray(at, at + vectorLength), next * vectorLength);
      fitted.weights.set(vectors.weights.subarray(at, at + vectorLength), next * vectorLength);
    }
  }
  return fitCodebook(fitted);
}

interface VectorPiece {
  /** Index of its first element. */
  readonly first: number;
  readonly vectors: WeightedVectors;
}

/** The weight in units of its steps, piece by piece; an error counts by the square of the step. */
function* vectorPieces(tensor: Tensor, layout: PackedLayout, parameters: PackedParameters): Iterable<VectorPiece> {
  const { k, inner, blockSize } = layout;
  const { scale } = parameters;
  const multipliers = unpackSigned(packedMultipliers(tensor, layout, parameters), 4, tensor.size / blockSize);
  const perChannel = k / blockSize;
  for (const { first, values: piece } of float32Pieces(tensor, blockSize * inner)) {
    const values = new Float32Array(piece.length);
    const weights = new Float32Array(piece.length);
    for (let i = 0; i < piece.length; i++) {
      const element = first + i;
      const channel = element % inner;
      const block = Math.floor(element / (blockSize * inner)) * inner + channel;
      const step = multipliers[block] * scale[inner === 1 ? Math.floor(block / perChannel) : channel];
      values[i] = piece[i] / step;
      weights[i] = step * step;
    }
    yield { first, vectors: { values, weights } };
  }
}

export const codebookKernel: TensorKernel<CodebookInput> = {
  module: import.meta.url,
  exportName: 'codebookKernel',
  *chunks([source], { layout, parameters }) {
    for (const { vectors } of vectorPieces(source, layout, parameters)) {
      const codes = new Uint8Array(vectors.values.length / vectorLength);
      nearestEntries(vectors, parameters.codebook!, codes);
      for (let at = 0; at < codes.length; at += chunkLength) yield codes.subarray(at, at + chunkLength);
    }
  },
};

/** A byte for each vector, uint8 [elements / 4], computed whenever it is read unless it is known. */
export function codebookCodes(source: Tensor, layout: PackedLayout, parameters: PackedParameters): Tensor {
  const shape = [source.size / vectorLength];
  if (parameters.codes) return new MemoryTensor('uint8', shape, parameters.codes);
  return new ComputedTensor('uint8', shape, codebookKernel, [source], { layout, parameters });
}
