// Packing by WebAssembly: the scales, multipliers and integers of q · m · c (packed-multiplier.ts) for sixteen blocks at a time, in float32.
// A matrix that is not too large is read once, and kept while first its scales and then its multipliers are found.
import { byteLengthOf, chunkLength, type Tensor } from '../tensor/index.js';
import type { BlockSearch } from './block-criterion.js';
import type { PackedLayout } from './pack-weight.js';
import { multiplierTries, type PackedWidth, packedLevels, packedScale } from './packed-multiplier.js';
import { type Kernels, kernels, lanes, mostBlockRows } from './simd/kernels.js';
import { float32Pieces } from './weight-pieces.js';

/** Elements of a matrix that is kept in memory between the two looks at it. */
const residentElements = 20 << 20;
/** Bits of float32 infinity: what is not finite has no fewer. */
const infinityBits = 0x7f800000;

export interface FoundMultipliers {
  /** Of each channel. */
  readonly scale: Float32Array;
  /** [outer, K / blockSize, inner], one per byte. */
  readonly multipliers: Int8Array;
}

/** How multipliers are searched; k-quant has no kernel. */
export type KernelSearch = Exclude<BlockSearch, 'k-quant'>;

export function fitsKernels({ blockSize }: PackedLayout, search: BlockSearch): search is KernelSearch {
  return blockSize <= mostBlockRows && search !== 'k-quant';
}

/**
 * @returns null when the weight holds values that are not finite.
 */
export function findMultipliersByKernels(
  tensor: Tensor,
  layout: PackedLayout,
  bits: PackedWidth,
  search: KernelSearch,
): FoundMultipliers | null {
  const { outer, inner, blockSize } = layout;
  const channels = inner === 1 ? outer : inner;
  const resident = tensor.size <= residentElements;
  const most = resident ? tensor.size : mostPiece(tensor, layout);
  const machine = kernels();
  const [values, low, high, scales, found] = machine.reserve(
    4 * (most + lanes * blockSize),
    4 * channels,
    4 * channels,
    4 * scaleCount(layout, most),
    most / blockSize,
  );
  machine.float32(low, channels).fill(0);
  machine.float32(high, channels).fill(0);
  for (const { first, values: piece } of float32Pieces(tensor, blockSize * inner)) {
    const place = values + (resident ? 4 * first : 0);
    machine.float32(place, piece.length).set(piece);
    if (widen(machine, layout, place, first, piece.length, low, high) >= infinityBits) return null;
  }
  const highs = machine.float32(high, channels);
  const scale = machine.float32(low, channels).map((least, channel) => packedScale(least, highs[channel], bits));
  const multipliers = new Int8Array(tensor.size / blockSize);
  const select = (first: number, length: number): void => {
    const count = length / blockSize;
    placeScales(machine, scales, layout, scale, first / blockSize, count);
    const tries = search === 'rtn' ? 0 : multiplierTries[bits];
    const sparse = search === 'hqq' ? 1 : 0;
    pack(machine, layout, bits, { values, count, scales, select: 1, tries, sparse, found, output: 0 });
    multipliers.set(machine.int8(found, count), first / blockSize);
  };
  if (resident) select(0, tensor.size);
  else {
    for (const { first, values: piece } of float32Pieces(tensor, blockSize * inner)) {
      machine.float32(values, piece.length).set(piece);
      select(first, piece.length);
    }
  }
  return { scale, multipliers };
}

/** Integers in the order of the source; valid until the next piece is asked for. */
export interface IntegerPiece {
  readonly integers: Int8Array;
  /** The same as INT4, two to a byte, in the place of `integers`; their number must be even. */
  pack(): Uint8Array;
}

/** The integers of a packed weight, in pieces of whole blocks. */
export function* integersByKernels(
  source: Tensor,
  layout: PackedLayout,
  bits: PackedWidth,
  { scale, multipliers }: FoundMultipliers,
): Iterable<IntegerPiece> {
  const { inner, blockSize } = layout;
  const most = mostPiece(source, layout);
  const machine = kernels();
  for (const { first, values: piece } of float32Pieces(source, blockSize * inner)) {
    const [values, scales, found, output] = machine.reserve(
      4 * (most + lanes * blockSize),
      4 * scaleCount(layout, most),
      most / blockSize,
      most,
    );
    const index = first / blockSize;
    const count = piece.length / blockSize;
    machine.float32(values, piece.length).set(piece);
    placeScales(machine, scales, layout, scale, index, count);
    machine.int8(found, count).set(multipliers.subarray(index, index + count));
    pack(machine, layout, bits, { values, count, scales, select: 0, tries: 0, sparse: 0, found, output });
    yield {
      integers: machine.int8(output, piece.length),
      pack() {
        machine.run.packNibbles(output, piece.length, output);
        return machine.bytes(output, piece.length / 2);
      },
    };
  }
}

/** Elements of the largest piece that `float32Pieces` gives. */
function mostPiece(tensor: Tensor, { inner, blockSize }: PackedLayout): number {
  const unit = blockSize * inner;
  const chunk = chunkLength / byteLengthOf(tensor.dataType, 1);
  return unit * Math.max(1, Math.floor(chunk / unit));
}

/** Scales that kernels want for `elements`: one a column, or one a block where blocks lie one behind the other. */
function scaleCount({ inner, blockSize }: PackedLayout, elements: number): number {
  return inner === 1 ? elements / blockSize : inner;
}

/** Places the scales for the blocks [first, first + count). */
function placeScales(
  machine: Kernels,
  place: number,
  { k, inner, blockSize }: PackedLayout,
  scale: Float32Array,
  first: number,
  count: number,
): void {
  if (inner > 1) {
    machine.float32(place, inner).set(scale);
    return;
  }
  const perChannel = k / blockSize;
  const target = machine.float32(place, count);
  for (let block = 0; block < count; block++) target[block] = scale[Math.floor((first + block) / perChannel)];
}

/** Widens the extremes of channels by the elements from `first` on; gives the bits of the largest magnitude. */
function widen(
  { run }: Kernels,
  { k, inner }: PackedLayout,
  values: number,
  first: number,
  length: number,
  low: number,
  high: number,
): number {
  if (inner > 1) return run.columnExtremes(values, length / inner, inner, low, high);
  let bits = 0;
  for (let done = 0; done < length; ) {
    const channel = Math.floor((first + done) / k);
    const count = Math.min(length - done, (channel + 1) * k - first - done);
    const found = run.runExtremes(values + 4 * done, count, low + 4 * channel, high + 4 * channel);
    bits = Math.max(bits, found);
    done += count;
  }
  return bits;
}

interface PackCall {
  readonly values: number;
  readonly count: number;
  readonly scales: number;
  readonly select: 0 | 1;
  readonly tries: number;
  readonly sparse: 0 | 1;
  readonly found: number;
  readonly output: number;
}

function pack({ run }: Kernels, { inner, blockSize }: PackedLayout, bits: PackedWidth, call: PackCall): void {
  const { values, count, scales, select, tries, sparse, found, output } = call;
  const { lowest, highest } = packedLevels(bits);
  if (inner === 1)
    run.packRuns(values, count, blockSize, scales, lowest, highest, select, tries, sparse, found, output);
  else
    run.packColumns(
      values,
      count / inner,
      blockSize,
      inner,
      scales,
      lowest,
      highest,
      select,
      tries,
      sparse,
      found,
      output,
    );
}
