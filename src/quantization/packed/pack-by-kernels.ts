// Packing by WebAssembly: the scales, multipliers and integers of q · m · c (packed-multiplier.ts) for sixteen blocks at a time, in float32.
// A matrix is read piece by piece: for the scales of its channels first.
import { byteLengthOf, chunkLength, type Tensor } from '../../tensor/index.js';
import type { BlockSearch } from '../blocks/block-criterion.js';
import { float32Pieces } from '../parameters/weight-pieces.js';
import { type Kernels, kernels, lanes, mostBlockRows } from '../simd/kernels.js';
import type { PackedLayout } from './pack-weight.js';
import { multiplierTries, type PackedWidth, packedLevels, packedScale } from './packed-multiplier.js';

/** Bits of float32 infinity: what is not finite has no fewer. */
const infinityBits = 0x7f800000;

/** How multipliers are searched; k-quant has no kernel. */
export type KernelSearch = Exclude<BlockSearch, 'k-quant'>;

export function fitsKernels({ blockSize }: PackedLayout, search: BlockSearch): search is KernelSearch {
  return blockSize <= mostBlockRows && search !== 'k-quant';
}

/** Elements of a matrix that is kept in memory between the two looks at it, for its scales and its multipliers. */
const residentElements = 4 << 20;

/** The scale of each channel; null when the weight holds values that are not finite. */
export function scalesByKernels(tensor: Tensor, layout: PackedLayout, bits: PackedWidth): Float32Array | null {
  return scan(tensor, layout, bits, false)?.scale ?? null;
}

export interface FoundMultipliers {
  /** Of each channel. */
  readonly scale: Float32Array;
  /** [outer, K / blockSize, inner], one per byte. */
  readonly multipliers: Int8Array;
}

/** Scales and multipliers; of a matrix that is not too large after reading it once. */
export function findMultipliersByKernels(
  tensor: Tensor,
  layout: PackedLayout,
  bits: PackedWidth,
  search: KernelSearch,
): FoundMultipliers | null {
  const resident = tensor.size <= residentElements;
  const found = scan(tensor, layout, bits, resident);
  if (found === null) return null;
  const { scale, machine, values, places } = found;
  if (!resident) return { scale, multipliers: multipliersByKernels(tensor, layout, bits, scale, search) };
  const count = tensor.size / layout.blockSize;
  placeScales(machine, places.scales, layout, scale, 0, count);
  pack(machine, layout, bits, { values, count, ...places, ...trials(search, bits), output: 0 });
  return { scale, multipliers: machine.int8(places.found, count).slice() };
}

interface Scanned {
  readonly scale: Float32Array;
  readonly machine: Kernels;
  /** Where the elements are, where they were kept. */
  readonly values: number;
  readonly places: Pick<PackCall, 'scales' | 'found'>;
}

/** Looks at the extremes of all channels. @param keep all elements in place, with room for what is found of them. */
function scan(tensor: Tensor, layout: PackedLayout, bits: PackedWidth, keep: boolean): Scanned | null {
  const { outer, inner, blockSize } = layout;
  const channels = inner === 1 ? outer : inner;
  const most = keep ? tensor.size : mostPiece(tensor, layout);
  const machine = kernels();
  const [values, low, high, scales, found] = machine.reserve(
    4 * (most + lanes * blockSize),
    4 * channels,
    4 * channels,
    keep ? 4 * scaleCount(layout, most) : 0,
    keep ? most / blockSize : 0,
  );
  machine.float32(low, channels).fill(0);
  machine.float32(high, channels).fill(0);
  for (const { first, values: piece } of float32Pieces(tensor, blockSize * inner)) {
    const place = values + (keep ? 4 * first : 0);
    machine.float32(place, piece.length).set(piece);
    if (widen(machine, layout, place, first, piece.length, low, high) >= infinityBits) return null;
  }
  const highs = machine.float32(high, channels);
  const scale = machine.float32(low, channels).map((least, channel) => packedScale(least, highs[channel], bits));
  return { scale, machine, values, places: { scales, found } };
}

/** The multipliers [outer, K / blockSize, inner], one per byte. */
export function multipliersByKernels(
  tensor: Tensor,
  layout: PackedLayout,
  bits: PackedWidth,
  scale: Float32Array,
  search: KernelSearch,
): Int8Array {
  const multipliers = new Int8Array(tensor.size / layout.blockSize);
  for (const { machine, first, count, call } of pieces(tensor, layout, scale)) {
    pack(machine, layout, bits, { ...call, ...trials(search, bits), output: 0 });
    multipliers.set(machine.int8(call.found, count), first);
  }
  return multipliers;
}

/** Integers in the order of the source; valid until the next piece is asked for. */
export interface IntegerPiece {
  readonly integers: Int8Array;
  /** The same as INT4, two to a byte, in the place of `integers`; their number must be even. */
  pack(): Uint8Array;
}

/**
 * The integers of a packed weight, in pieces of whole blocks.
 * @param multipliers one per byte, or how they are found.
 */
export function* integersByKernels(
  source: Tensor,
  layout: PackedLayout,
  bits: PackedWidth,
  scale: Float32Array,
  multipliers: Int8Array | KernelSearch,
): Iterable<IntegerPiece> {
  for (const { machine, first, count, call } of pieces(source, layout, scale)) {
    const output = call.output;
    const length = count * layout.blockSize;
    if (typeof multipliers === 'string') pack(machine, layout, bits, { ...call, ...trials(multipliers, bits) });
    else {
      machine.int8(call.found, count).set(multipliers.subarray(first, first + count));
      pack(machine, layout, bits, { ...call, select: 0, tries: 0, sparse: 0 });
    }
    yield {
      integers: machine.int8(output, length),
      pack() {
        machine.run.packNibbles(output, length, output);
        return machine.bytes(output, length / 2);
      },
    };
  }
}

function trials(search: KernelSearch, bits: PackedWidth): Pick<PackCall, 'select' | 'tries' | 'sparse'> {
  return { select: 1, tries: search === 'rtn' ? 0 : multiplierTries[bits], sparse: search === 'hqq' ? 1 : 0 };
}

interface Piece {
  readonly machine: Kernels;
  /** Index of its first block, and their number. */
  readonly first: number;
  readonly count: number;
  readonly call: Pick<PackCall, 'values' | 'count' | 'scales' | 'found' | 'output'>;
}

/** Brings blocks and the scales of their channels into place, piece by piece. */
function* pieces(tensor: Tensor, layout: PackedLayout, scale: Float32Array): Iterable<Piece> {
  const { inner, blockSize } = layout;
  const most = mostPiece(tensor, layout);
  const machine = kernels();
  for (const { first: element, values: piece } of float32Pieces(tensor, blockSize * inner)) {
    const [values, scales, found, output] = machine.reserve(
      4 * (most + lanes * blockSize),
      4 * scaleCount(layout, most),
      most / blockSize,
      most,
    );
    const first = element / blockSize;
    const count = piece.length / blockSize;
    machine.float32(values, piece.length).set(piece);
    placeScales(machine, scales, layout, scale, first, count);
    yield { machine, first, count, call: { values, count, scales, found, output } };
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
