// Weights in blocks (block-weight.ts) by WebAssembly: parameters and integers of sixteen blocks at a time. Blocks side by side are columns of
// a matrix [K, N], or runs of sixteen rows of a matrix [N, K].
import { byteLengthOf, chunkLength, type Tensor } from '../../tensor/index.js';
import { float32Pieces } from '../parameters/weight-pieces.js';
import { type Kernels, kernels, lanes, mostBlockRows } from '../simd/kernels.js';
import { type BlockScheme, rangeShares, storedBits } from './block-parameters.js';
import type { BlockLayout, BlockOrder, KnownParameters } from './block-weight.js';

export function blocksFitKernels({ blockSize, search }: BlockScheme): boolean {
  return blockSize <= mostBlockRows && search !== 'k-quant';
}

/** Visits scale and zero point of every block. */
export function parametersByKernels(
  source: Tensor,
  layout: BlockLayout,
  scheme: BlockScheme,
  visit: (channel: number, block: number, scale: number, zeroPoint: number) => void,
): void {
  const work = new BlockWork(source, layout, scheme, []);
  for (const { first, length, from } of work.units(source)) {
    for (const panel of work.panels(first, length, from)) {
      work.find(panel);
      work.visitFound(panel, visit);
    }
  }
}

/**
 * The integers as stored bytes: in the order of the source, or the blocks of each channel together and the last one filled up with zeros.
 * Memory: the result, which is valid until kernels are used again.
 * @param shift what is subtracted from each, for signed ones.
 * @param known parameters that were found before.
 */
export function integersOfBlocks(
  source: Tensor,
  layout: BlockLayout,
  scheme: BlockScheme,
  order: BlockOrder,
  shift: number,
  byteLength: number,
  known?: KnownParameters,
): Uint8Array {
  const { k, n, rows } = layout;
  const { blockSize } = scheme;
  const padded = order === 'channels' ? Math.ceil(k / blockSize) * blockSize : k;
  // Columns whose blocks are brought together are stored panel by panel, others unit by unit.
  const turned = order === 'channels' && !rows;
  const held = rows ? lanes * padded : turned ? lanes * blockSize : blockSize * n;
  const work = new BlockWork(source, layout, scheme, [held, byteLength]);
  const { machine, extra } = work;
  const [integers, output] = extra;
  machine.bytes(output, byteLength).fill(0);
  for (const { first, length, from } of work.units(source)) {
    if (padded > k) machine.bytes(integers, held).fill(0);
    for (const panel of work.panels(first, length, from)) {
      if (known) work.take(panel, known);
      else work.find(panel);
      if (!turned) {
        work.round(panel, integers + (rows ? panel.block * blockSize : panel.channel), rows ? padded : n, rows, shift);
        continue;
      }
      work.round(panel, integers, blockSize, true, shift);
      const each = work.pack(integers, lanes * blockSize) / lanes;
      const to = output + work.bytesOf(panel.channel * padded + panel.block * blockSize);
      machine.run.spreadRuns(integers, each, to, work.bytesOf(padded), panel.width);
    }
    if (turned) continue;
    const bytes = work.pack(integers, rows ? (length / k) * padded : length);
    machine.run.spreadRuns(integers, bytes, output + work.bytesOf(rows ? (first / k) * padded : first), 0, 1);
  }
  return machine.bytes(output, byteLength);
}

/** Neighbouring blocks: block `block` of the channels from `channel` on. */
interface Panel {
  readonly channel: number;
  readonly block: number;
  /** Channels, at most 16. */
  readonly width: number;
  /** Elements of each block. */
  readonly rows: number;
  /** Where the first one is. */
  readonly place: number;
}

/** Elements that make whole panels: a row of blocks, or sixteen rows. */
interface Unit {
  /** Index of its first element in the source. */
  readonly first: number;
  readonly length: number;
  /** Where it is. */
  readonly from: number;
}

class BlockWork {
  readonly machine: Kernels = kernels();
  /** Places of the areas that were asked for. */
  readonly extra: readonly number[];
  private readonly layout: BlockLayout;
  private readonly scheme: BlockScheme;
  private readonly unit: number;
  private readonly values: number;
  private readonly shares: number;
  private readonly scales: number;
  private readonly zeros: number;

  constructor(source: Tensor, layout: BlockLayout, scheme: BlockScheme, extra: readonly number[]) {
    const { k, n, rows } = layout;
    this.layout = layout;
    this.scheme = scheme;
    this.unit = rows ? lanes * k : scheme.blockSize * n;
    const chunk = chunkLength / byteLengthOf(source.dataType, 1);
    const most = this.unit * Math.max(1, Math.floor(chunk / this.unit));
    const shares = rangeShares(scheme.bits);
    const lengths = [4 * (most + (rows ? lanes * k : 0)), 8 * shares.length, 4 * lanes, 4 * lanes, ...extra];
    [this.values, this.shares, this.scales, this.zeros, ...this.extra] = this.machine.reserve(...lengths);
    this.machine.float64(this.shares, shares.length).set(shares);
  }

  /** Brings the elements of `source` into place, piece by piece. */
  *units(source: Tensor): Iterable<Unit> {
    const { unit, values } = this;
    for (const { first, values: piece } of float32Pieces(source, unit)) {
      this.machine.float32(values, piece.length).set(piece);
      for (let from = 0; from < piece.length; from += unit) {
        yield { first: first + from, length: Math.min(unit, piece.length - from), from: values + 4 * from };
      }
    }
  }

  *panels(first: number, length: number, from: number): Iterable<Panel> {
    const { k, n, rows: inRows } = this.layout;
    const { blockSize } = this.scheme;
    if (inRows) {
      const [channel, width] = [first / k, length / k];
      for (let block = 0; block * blockSize < k; block++) {
        const done = block * blockSize;
        yield { channel, block, width, rows: Math.min(blockSize, k - done), place: from + 4 * done };
      }
      return;
    }
    const block = first / (blockSize * n);
    const tail = n % lanes;
    const panel = (channel: number, width: number): Panel => {
      return { channel, block, width, rows: length / n, place: from + 4 * channel };
    };
    // What is written beyond the last columns is written again by the first ones.
    if (tail > 0) yield panel(n - tail, tail);
    for (let channel = 0; channel + lanes <= n; channel += lanes) yield panel(channel, lanes);
  }

  /** Finds the parameters of a panel, which `visitFound` and `round` use. */
  find({ place, rows }: Panel): void {
    const { layout, scheme, shares, scales, zeros } = this;
    const { bits, symmetric, search, floatZeroPoints } = scheme;
    const [stride, runs] = layout.rows ? [layout.k, 1] : [layout.n, 0];
    const tries = search === 'rtn' ? 0 : rangeShares(bits).length;
    const levels = 2 ** bits - 1;
    const { run } = this.machine;
    if (floatZeroPoints) run.floatZeroParameters(place, stride, rows, runs, levels, scales, zeros);
    else {
      const sparse = search === 'hqq' ? 1 : 0;
      run.blockParameters(place, stride, rows, runs, levels, symmetric ? 1 : 0, shares, tries, sparse, scales, zeros);
    }
  }

  /** Instead of `find`. */
  take({ channel, block, place, rows, width }: Panel, { scales, zeroPoints }: KnownParameters): void {
    const { machine, layout, scheme } = this;
    const blocks = Math.ceil(layout.k / scheme.blockSize);
    const [stride, runs] = layout.rows ? [layout.k, 1] : [layout.n, 0];
    const [scaleLanes, zeroLanes] = [machine.float32(this.scales, width), machine.float32(this.zeros, width)];
    for (let lane = 0, at = channel * blocks + block; lane < width; lane++, at += blocks) {
      scaleLanes[lane] = scales[at];
      zeroLanes[lane] = zeroPoints[at];
    }
    machine.run.takeParameters(place, stride, rows, runs, this.scales, this.zeros);
  }

  visitFound(
    { channel, block, width }: Panel,
    visit: (channel: number, block: number, scale: number, zeroPoint: number) => void,
  ): void {
    const scales = this.machine.float32(this.scales, width);
    const { machine, scheme } = this;
    const zeros = scheme.floatZeroPoints ? machine.float32(this.zeros, width) : machine.bytes(this.zeros, width);
    for (let lane = 0; lane < width; lane++) visit(channel + lane, block, scales[lane], zeros[lane]);
  }

  /** Writes the integers of a panel: its blocks to runs, or side by side, `stride` bytes apart. */
  round({ rows, width }: Panel, output: number, stride: number, runs: boolean, shift: number): void {
    const { bits, floatZeroPoints } = this.scheme;
    const fractional = floatZeroPoints ? 1 : 0;
    this.machine.run.blockIntegers(output, stride, rows, runs ? 1 : 0, width, 2 ** bits - 1, shift, fractional);
  }

  bytesOf(elements: number): number {
    return Math.ceil((elements * storedBits(this.scheme.bits)) / 8);
  }

  /** Packs `count` integers where they are, a byte that is not full with zeros; gives the bytes they take. */
  pack(place: number, count: number): number {
    const { machine, scheme } = this;
    const bytes = this.bytesOf(count);
    const stored = storedBits(scheme.bits);
    const whole = (bytes * 8) / stored;
    machine.bytes(place, whole).fill(0, count);
    if (stored === 4) machine.run.packNibbles(place, whole, place);
    if (stored === 2) machine.run.packCrumbs(place, whole, place);
    return bytes;
  }
}
