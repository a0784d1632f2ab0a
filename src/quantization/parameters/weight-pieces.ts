// A weight as a stream of float32 pieces, whatever float type it has and wherever it lies, so that it is never in memory as a whole.
import { internalError } from '../../errors.js';
import { bfloat16ToFloat32Array, float16ToFloat32Array } from '../../numeric/index.js';
import { byteLengthOf, type DataType, type Tensor, typedArrayOf } from '../../tensor/index.js';

/** Types of weights that can be quantized. */
export type FloatWeightType = 'float32' | 'float16' | 'bfloat16';

export function isFloatWeightType(dataType: DataType): dataType is FloatWeightType {
  return dataType === 'float32' || dataType === 'float16' || dataType === 'bfloat16';
}

/** Consecutive elements of a tensor; valid until the next piece is asked for. */
export interface WeightPiece {
  /** Index of the first element. */
  readonly first: number;
  readonly values: Float32Array;
}

/**
 * The elements [from, to) of `tensor` in order. Each piece holds a whole number of `unit` elements, counted from `from`; only the
 * last may end within a unit. Memory: the tensor's own chunk and one unit.
 * @param from a multiple of 16, to keep the bytes aligned.
 * @throws INTERNAL when the tensor holds no floats.
 */
export function* float32Pieces(tensor: Tensor, unit = 1, from = 0, to = tensor.size): Iterable<WeightPiece> {
  const convert = converterOf(tensor.dataType);
  const width = byteLengthOf(tensor.dataType, 1);
  const unitBytes = unit * width;
  const begun = new Uint8Array(unit === 1 ? 0 : unitBytes);
  let begunLength = 0;
  let first = from;
  const pieceOf = (bytes: Uint8Array): WeightPiece => {
    const piece = { first, values: convert(bytes) };
    first += bytes.length / width;
    return piece;
  };
  for (const chunk of tensor.chunks(from * width, to * width)) {
    let position = 0;
    if (begunLength > 0) {
      position = Math.min(unitBytes - begunLength, chunk.length);
      begun.set(chunk.subarray(0, position), begunLength);
      begunLength += position;
      if (begunLength < unitBytes) continue;
      yield pieceOf(begun);
    }
    const end = chunk.length - ((chunk.length - position) % unitBytes);
    if (end > position) yield pieceOf(chunk.subarray(position, end));
    begunLength = chunk.length - end;
    begun.set(chunk.subarray(end));
  }
  if (begunLength > 0) yield pieceOf(begun.subarray(0, begunLength));
}

/** Reads bytes of `dataType` as float32; what it returns is valid until the next call. */
function converterOf(dataType: DataType): (bytes: Uint8Array) => Float32Array {
  if (dataType === 'float32') return (bytes) => typedArrayOf('float32', bytes) as Float32Array;
  if (!isFloatWeightType(dataType)) throw internalError(`A ${dataType} tensor is no weight to quantize`);
  const widen = dataType === 'float16' ? float16ToFloat32Array : bfloat16ToFloat32Array;
  let scratch = new Float32Array(0);
  return (bytes) => {
    const bits = typedArrayOf(dataType, bytes) as Uint16Array;
    if (scratch.length < bits.length) scratch = new Float32Array(bits.length);
    return widen(bits, scratch).subarray(0, bits.length);
  };
}
