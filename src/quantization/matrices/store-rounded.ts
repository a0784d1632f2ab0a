// Rounded matrices [K, N] in the form in which files hold them: packed, or in blocks as DequantizeLinear and MatMulNBits take them.
import { packElements } from '../../numeric/index.js';
import { MemoryTensor } from '../../tensor/index.js';
import { type BlockScheme, storedBits } from '../blocks/block-parameters.js';
import {
  type BlockLayout,
  type BlockOrder,
  type BlockTensors,
  blockCount,
  sourceBlockShape,
  symmetricShift,
} from '../blocks/block-weight.js';
import { turned } from '../blocks/turned.js';
import type { PackedParameters } from '../packed/pack-weight.js';
import type { PackedWidth } from '../packed/packed-multiplier.js';
import type { VectorCodes } from './round-matrix.js';

/** What `MatrixRounding` found; survives a structured clone. */
export interface RoundedBlocks {
  /** [K, N], as low bytes. */
  readonly integers: Uint8Array;
  /** [blocks, N], as are the others. */
  readonly steps: Float64Array;
  readonly zeroPoints: Uint8Array;
  readonly multipliers: Int8Array;
  /** In place of the integers, where neighbours along N share a byte: weights that are not stored as [N, K]. */
  readonly vectors?: VectorCodes | null;
}

/** @param rows whether the weight is stored as [N, K]. */
export function packedFromRounded(
  { integers, multipliers, vectors }: RoundedBlocks,
  scale: Float32Array,
  bits: PackedWidth,
  rows: boolean,
): PackedParameters {
  const n = scale.length;
  const stored = (values: Uint8Array): Uint8Array => packElements(rows ? turned(values, n) : values, 4);
  const bytes = new Uint8Array(multipliers.buffer, multipliers.byteOffset, multipliers.length);
  if (vectors) return { bits: 4, scale, multipliers: stored(bytes), ...vectors };
  return { bits, scale, multipliers: stored(bytes), integers: stored(integers) };
}

/** See `channelBlocks` and `sourceBlocks` for the shapes. */
export function blocksFromRounded(
  { integers, steps, zeroPoints }: RoundedBlocks,
  layout: BlockLayout,
  scheme: BlockScheme,
  order: BlockOrder,
): BlockTensors {
  const { k, n, rows } = layout;
  const { blockSize, symmetric } = scheme;
  const bits = storedBits(scheme.bits);
  const shift = symmetric ? symmetricShift(order, scheme.bits) : 0;
  const centred = shift === 0 ? integers : integers.map((integer) => integer - shift);
  const blocks = blockCount(layout, scheme);
  const pack = (values: Uint8Array): Uint8Array => (bits === 8 ? values : packElements(values, bits));
  const scales = Float32Array.from(steps);
  if (order === 'source') {
    const type = `${symmetric ? 'int' : 'uint'}${bits}` as const;
    const stored = <T extends Uint8Array | Float32Array>(values: T): T => (rows ? turned(values, n) : values);
    const shape = sourceBlockShape(layout, scheme);
    const tensor = (dims: readonly number[], values: Uint8Array): MemoryTensor =>
      new MemoryTensor(type, dims, type === 'int8' ? new Int8Array(values.buffer) : values);
    return {
      integers: tensor(rows ? [n, k] : [k, n], pack(stored(centred))),
      scales: new MemoryTensor('float32', shape, stored(scales)),
      zeroPoints: symmetric ? null : tensor(shape, pack(stored(zeroPoints))),
    };
  }
  const perByte = 8 / bits;
  return {
    integers: new MemoryTensor(
      'uint8',
      [n, blocks, (blockSize * bits) / 8],
      pack(widened(turned(centred, n), n, blocks * blockSize)),
    ),
    scales: new MemoryTensor('float32', [n, blocks], turned(scales, n)),
    zeroPoints: symmetric
      ? null
      : new MemoryTensor(
          'uint8',
          [n, Math.ceil(blocks / perByte)],
          pack(widened(turned(zeroPoints, n), n, Math.ceil(blocks / perByte) * perByte)),
        ),
  };
}

/** The weight with output channel n divided by divisors[n]: exactly, in the scales. */
export function divideBlocks(
  stored: BlockTensors,
  { n, rows }: BlockLayout,
  order: BlockOrder,
  divisors: Float32Array,
): BlockTensors {
  const { scales } = stored;
  const blocks = scales.size / n;
  const together = order === 'channels' || rows;
  const values = scales.readFloat32().map((scale, i) => scale / divisors[together ? Math.floor(i / blocks) : i % n]);
  return { ...stored, scales: new MemoryTensor('float32', scales.shape, values) };
}

/** Rows filled up with zeros to `length` each. */
function widened(values: Uint8Array, rows: number, length: number): Uint8Array {
  const own = values.length / rows;
  if (own === length) return values;
  const result = new Uint8Array(rows * length);
  for (let row = 0; row < rows; row++) result.set(values.subarray(row * own, (row + 1) * own), row * length);
  return result;
}
