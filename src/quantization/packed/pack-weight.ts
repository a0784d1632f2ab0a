// Packing a weight into few bits: scales are found piece by piece in worker threads; integers are computed while the file is written, and so are
// the multipliers of large models, so that memory does not grow with them.
import { throwIfAborted } from '../../errors.js';
import { packElements, unpackSigned } from '../../numeric/index.js';
import type { Workers } from '../../parallel/index.js';
import { ComputedTensor, chunkLength, MemoryTensor, type Tensor, type TensorKernel } from '../../tensor/index.js';
import type { BlockSearch } from '../blocks/block-criterion.js';
import { createRanges, scanRange } from '../parameters/parameters-ranges.js';
import { layoutOf } from '../parameters/scheme-layout.js';
import { tensorTask, workOnTensor } from '../parameters/tensor-task.js';
import { float32Pieces } from '../parameters/weight-pieces.js';
import {
  findMultipliersByKernels,
  fitsKernels,
  type IntegerPiece,
  integersByKernels,
  type KernelSearch,
  multipliersByKernels,
  scalesByKernels,
} from './pack-by-kernels.js';
import { type PackedWidth, packedScale, selectMultiplier } from './packed-multiplier.js';

/**
 * A weight seen as [outer, K, inner], K the axis that is summed over, whole blocks of which share a multiplier. Channels are the inner
 * elements (a matrix [K, N]), or the outer ones where there is nothing inside (a matrix [N, K]).
 */
export interface PackedLayout {
  readonly outer: number;
  readonly k: number;
  readonly inner: number;
  /** Divides `k`. */
  readonly blockSize: number;
}

type QuickSearch = Exclude<KernelSearch, 'hqq'>;

export interface PackingScheme {
  readonly bits: PackedWidth;
  readonly search: BlockSearch;
  /** Do not keep multipliers that are quickly found again, at the price of reading the weight once more. */
  readonly saveMemory?: boolean;
}

/** What is kept of a packed weight besides its integers. */
export interface PackedParameters {
  readonly bits: PackedWidth;
  /** Scale of each channel. */
  readonly scale: Float32Array;
  /** Multipliers [outer, K / blockSize, inner], packed as ONNX's INT4, or the search that finds them again whenever they are needed. */
  readonly multipliers: Uint8Array | QuickSearch;
  /** The integers in the order of the source, packed alike, where they are not simply the nearest ones. */
  readonly integers?: Uint8Array;
  /** int8 [256, 4]: what bytes stand for, where four neighbours share one; then there are no integers of their own. */
  readonly codebook?: Int8Array;
  /** A byte for every four neighbours, where they are not simply the nearest vectors. */
  readonly codes?: Uint8Array;
}

interface PackInput extends PackingScheme {
  readonly layout: PackedLayout;
}

export const packWeightTask = tensorTask(import.meta.url, 'packWeightTask', findParameters);

/** Scales and multipliers of `tensor`, or the reason why it has none. */
export async function packWeight(
  tensor: Tensor,
  layout: PackedLayout,
  scheme: PackingScheme,
  workers: Workers,
  signal?: AbortSignal,
): Promise<PackedParameters | string> {
  throwIfAborted(signal);
  return workOnTensor(packWeightTask, tensor, { ...scheme, layout }, workers, signal);
}

export function channelCount({ outer, inner }: PackedLayout): number {
  return inner === 1 ? outer : inner;
}

function findParameters(tensor: Tensor, { layout, ...scheme }: PackInput): PackedParameters | string {
  const { bits, search } = scheme;
  if (fitsKernels(layout, search)) {
    if (scheme.saveMemory && search !== 'hqq') {
      const scale = scalesByKernels(tensor, layout, bits);
      if (scale) return { bits, scale, multipliers: search };
    } else {
      const found = findMultipliersByKernels(tensor, layout, bits, search);
      if (found) return { bits, scale: found.scale, multipliers: packElements(found.multipliers, 4) };
    }
  }
  const scale = findPackedScales(tensor, layout, scheme.bits);
  if (typeof scale === 'string') return scale;
  const multipliers = findMultipliers(tensor, layout, scheme, scale);
  return { bits: scheme.bits, scale, multipliers: packElements(multipliers, 4) };
}

function findPackedScales(tensor: Tensor, layout: PackedLayout, bits: PackedWidth): Float32Array | string {
  const { outer, k, inner } = layout;
  const channels = layoutOf(inner === 1 ? [outer, k] : [outer * k, inner], {
    kind: 'channel',
    axis: inner === 1 ? 0 : 1,
  });
  const ranges = createRanges(channels);
  for (const { first, values } of float32Pieces(tensor, inner)) scanRange(values, first, channels, ranges);
  if (ranges.nonFiniteCount > 0) return `element ${ranges.firstNonFinite} of its weight is not a finite number`;
  return ranges.minimum.map((minimum, channel) => packedScale(minimum, ranges.maximum[channel], bits));
}

/** Columns that are brought together before their blocks are searched: neighbours in memory are read together. */
const columnsAtOnce = 16;

function findMultipliers(
  tensor: Tensor,
  { outer, k, inner, blockSize }: PackedLayout,
  { bits, search }: PackingScheme,
  scale: Float32Array,
): Int8Array {
  const blocks = k / blockSize;
  const multipliers = new Int8Array(outer * blocks * inner);
  const scratch = new Float32Array(columnsAtOnce * blockSize);
  for (const { first, values } of float32Pieces(tensor, blockSize * inner)) {
    let index = first / blockSize;
    for (let start = 0; start < values.length; start += blockSize * inner) {
      if (inner === 1) {
        const channel = Math.floor(index / blocks);
        multipliers[index++] = selectMultiplier(values, start, blockSize, scale[channel], bits, search);
        continue;
      }
      for (let column = 0; column < inner; column += columnsAtOnce) {
        const columns = Math.min(columnsAtOnce, inner - column);
        gatherColumns(values, start + column, inner, columns, blockSize, scratch);
        for (let c = 0; c < columns; c++) {
          const channel = column + c;
          multipliers[index++] = selectMultiplier(scratch, c * blockSize, blockSize, scale[channel], bits, search);
        }
      }
    }
  }
  return multipliers;
}

/** `columns` columns of `rows` elements, one behind the other. */
function gatherColumns(
  values: Float32Array,
  start: number,
  stride: number,
  columns: number,
  rows: number,
  target: Float32Array,
): void {
  for (let row = 0, from = start; row < rows; row++, from += stride) {
    for (let column = 0, to = row; column < columns; column++, to += rows) target[to] = values[from + column];
  }
}

interface PackedIntegersParameters {
  readonly layout: PackedLayout;
  readonly parameters: PackedParameters;
}

/** The integers q of a packed weight, in the order of the source; read in groups of whole blocks. */
export function* packedGroups(
  source: Tensor,
  layout: PackedLayout,
  { bits, scale, multipliers }: PackedParameters,
): Iterable<IntegerPiece> {
  const known = typeof multipliers === 'string' ? multipliers : unpackSigned(multipliers, 4, blockCount(layout));
  yield* integersByKernels(source, layout, bits, scale, known);
}

/** INT4 integers, two in a byte. */
export const packedInt4Kernel: TensorKernel<PackedIntegersParameters> = {
  module: import.meta.url,
  exportName: 'packedInt4Kernel',
  *chunks([source], { layout, parameters }) {
    // An element that waits for the other half of its byte.
    let rest: number | null = null;
    for (const { integers, pack } of packedGroups(source, layout, parameters)) {
      if (rest === null && integers.length % 2 === 0) {
        const bytes = pack();
        for (let at = 0; at < bytes.length; at += chunkLength) yield bytes.subarray(at, at + chunkLength);
        continue;
      }
      const joined: Int8Array = rest === null ? integers : withFirst(rest, integers);
      const even = joined.length - (joined.length % 2);
      rest = even < joined.length ? joined[even] : null;
      for (let at = 0; at < even; at += 2 * chunkLength) {
        yield packElements(joined.subarray(at, Math.min(at + 2 * chunkLength, even)), 4);
      }
    }
    if (rest !== null) yield packElements(Int8Array.of(rest), 4);
  },
};

function withFirst(first: number, others: Int8Array): Int8Array {
  const joined = new Int8Array(others.length + 1);
  joined[0] = first;
  joined.set(others, 1);
  return joined;
}

/** The integers as an INT4 tensor [outer, K / blockSize, blockSize, inner], computed whenever it is read. */
export function packedInt4Tensor(source: Tensor, layout: PackedLayout, parameters: PackedParameters): Tensor {
  const { outer, k, inner, blockSize } = layout;
  const shape = [outer, k / blockSize, blockSize, inner];
  if (parameters.integers) return new MemoryTensor('int4', shape, parameters.integers);
  return new ComputedTensor('int4', shape, packedInt4Kernel, [source], { layout, parameters });
}

function blockCount({ outer, k, inner, blockSize }: PackedLayout): number {
  return (outer * k * inner) / blockSize;
}

/** Multipliers, packed as ONNX's INT4, from the weight. */
export const multiplierKernel: TensorKernel<PackedIntegersParameters> = {
  module: import.meta.url,
  exportName: 'multiplierKernel',
  *chunks([source], { layout, parameters }) {
    yield packedMultipliers(source, layout, parameters);
  },
};

/** The multipliers [outer, K / blockSize, inner], packed as ONNX's INT4. */
export function packedMultipliers(
  source: Tensor,
  layout: PackedLayout,
  { bits, scale, multipliers }: PackedParameters,
): Uint8Array {
  if (typeof multipliers !== 'string') return multipliers;
  return packElements(multipliersByKernels(source, layout, bits, scale, multipliers), 4);
}

/** The multipliers as an INT4 tensor [outer, K / blockSize, 1, inner], or the same bytes as they are. */
export function multiplierTensor(
  source: Tensor,
  layout: PackedLayout,
  parameters: PackedParameters,
  dataType: 'int4' | 'uint8' = 'int4',
): Tensor {
  const { outer, k, inner, blockSize } = layout;
  const shape = dataType === 'int4' ? [outer, k / blockSize, 1, inner] : [Math.ceil(blockCount(layout) / 2)];
  if (typeof parameters.multipliers !== 'string') return new MemoryTensor(dataType, shape, parameters.multipliers);
  return new ComputedTensor(dataType, shape, multiplierKernel, [source], { layout, parameters });
}
