// Weights in blocks as runtime formats store them, computed while they are read: integers, scales and zero points, in the order of the
// source (DequantizeLinear) or with the blocks of each output channel together (MatMulNBits: [N, blocks, bytes of a block]).
import { internalError } from '../../errors.js';
import type { Workers } from '../../parallel/index.js';
import { ComputedTensor, chunkLength, type Tensor, type TensorKernel } from '../../tensor/index.js';
import { tensorTask, workOnTensor } from '../parameters/tensor-task.js';
import { float32Pieces } from '../parameters/weight-pieces.js';
import {
  type BlockBits,
  type BlockParameters,
  type BlockScheme,
  findBlockParameters,
  quantizeInBlock,
  storedBits,
} from './block-parameters.js';
import { blocksFitKernels, integersOfBlocks, parametersByKernels } from './blocks-by-kernels.js';

/** A matrix with K the summed axis: stored as [K, N], or [N, K] with `rows`. */
export interface BlockLayout {
  readonly k: number;
  readonly n: number;
  readonly rows: boolean;
}

export type BlockOrder = 'source' | 'channels';
type BlockPart = 'integers' | 'scales' | 'zeroPoints';

/** Of all blocks, [N, blocks]. */
export interface KnownParameters {
  readonly scales: Float32Array;
  readonly zeroPoints: Float32Array;
}

interface BlockKernelParameters {
  readonly layout: BlockLayout;
  readonly scheme: BlockScheme;
  readonly order: BlockOrder;
  readonly part: BlockPart;
  /** Found before, where finding them takes long; they are found again for each part otherwise. */
  readonly known?: KnownParameters;
}

/** Columns that are brought together before their blocks are looked at: neighbours in memory are read together. */
const columnsAtOnce = 16;

export function blockCount(layout: BlockLayout, scheme: BlockScheme): number {
  return Math.ceil(layout.k / scheme.blockSize);
}

/** Shape of scales and zero points in the order of the source: blocks stand where the summed axis was; one block is a channel. */
export function sourceBlockShape({ k, n, rows }: BlockLayout, { blockSize }: BlockScheme): readonly number[] {
  const blocks = Math.ceil(k / blockSize);
  if (blocks === 1) return [n];
  return rows ? [n, blocks] : [blocks, n];
}

type VisitBlock = (values: Float32Array, start: number, count: number, channel: number, block: number) => void;

/** Visits the blocks of the matrix in the order in which it is stored, their values side by side. */
function visitBlocks(source: Tensor, { k, n, rows }: BlockLayout, blockSize: number, visit: VisitBlock): void {
  const blocks = Math.ceil(k / blockSize);
  if (rows) {
    for (const { first, values } of float32Pieces(source, k)) {
      for (let row = 0; row * k < values.length; row++) {
        for (let block = 0; block < blocks; block++) {
          const count = Math.min(blockSize, k - block * blockSize);
          visit(values, row * k + block * blockSize, count, first / k + row, block);
        }
      }
    }
    return;
  }
  const scratch = new Float32Array(columnsAtOnce * blockSize);
  for (const { first, values } of float32Pieces(source, blockSize * n)) {
    for (let start = 0; start < values.length; start += blockSize * n) {
      const block = Math.floor((first + start) / (blockSize * n));
      const count = Math.min(blockSize, k - block * blockSize);
      for (let column = 0; column < n; column += columnsAtOnce) {
        const columns = Math.min(columnsAtOnce, n - column);
        for (let row = 0; row < count; row++) {
          const from = start + row * n + column;
          for (let c = 0, to = row; c < columns; c++, to += count) scratch[to] = values[from + c];
        }
        for (let c = 0; c < columns; c++) visit(scratch, c * count, count, column + c, block);
      }
    }
  }
}

/** Memory: the quantized tensor. */
export const blockWeightKernel: TensorKernel<BlockKernelParameters> = {
  module: import.meta.url,
  exportName: 'blockWeightKernel',
  *chunks([source], parameters, output) {
    const bytes = computeBytes(source, parameters, output.byteLength);
    for (let at = 0; at < bytes.length; at += chunkLength) {
      yield bytes.subarray(at, Math.min(at + chunkLength, bytes.length));
    }
  },
};

function computeBytes(source: Tensor, parameters: BlockKernelParameters, byteLength: number): Uint8Array {
  const { layout, scheme, order, part, known } = parameters;
  const { bits, blockSize } = scheme;
  const { n, k, rows } = layout;
  const blocks = blockCount(layout, scheme);
  const kernels = blocksFitKernels(scheme);
  const shift = scheme.symmetric ? symmetricShift(order, bits) : 0;
  const stored = storedBits(bits);
  if (part === 'integers' && kernels) return integersOfBlocks(source, layout, scheme, order, shift, byteLength, known);
  const visitParameters = known ? visitKnown(known) : kernels ? parametersByKernels : visitParametersHere;
  const bytes = new Uint8Array(byteLength);
  // Blocks of a channel lie together, or as they do in the source.
  const together = order === 'channels' || rows;
  if (part === 'scales') {
    const scales = new Float32Array(bytes.buffer);
    visitParameters(source, layout, scheme, (channel, block, scale) => {
      scales[together ? channel * blocks + block : block * n + channel] = scale;
    });
    return bytes;
  }
  const perByte = 8 / stored;
  const mask = 2 ** stored - 1;
  const put = (element: number, value: number): void => {
    bytes[Math.floor(element / perByte)] |= (value & mask) << ((element % perByte) * stored);
  };
  if (part === 'zeroPoints' && scheme.floatZeroPoints) {
    const zeroPoints = new Float32Array(bytes.buffer);
    visitParameters(source, layout, scheme, (channel, block, _scale, zeroPoint) => {
      zeroPoints[channel * blocks + block] = zeroPoint;
    });
    return bytes;
  }
  if (part === 'zeroPoints') {
    // MatMulNBits begins a byte with every channel.
    const perChannel = order === 'channels' ? Math.ceil(blocks / perByte) * perByte : blocks;
    visitParameters(source, layout, scheme, (channel, block, _scale, zeroPoint) => {
      put(together ? channel * perChannel + block : block * n + channel, zeroPoint);
    });
    return bytes;
  }
  const levels = 2 ** bits - 1;
  const found: BlockParameters = { scale: 1, zeroPoint: 0 };
  const stride = together ? 1 : n;
  const ofChannel = order === 'channels' ? blocks * blockSize : k;
  visitBlocks(source, layout, blockSize, (values, start, count, channel, block) => {
    findBlockParameters(values, start, count, scheme, found);
    let element = together ? channel * ofChannel + block * blockSize : block * blockSize * n + channel;
    for (let i = start; i < start + count; i++, element += stride) {
      put(element, quantizeInBlock(values[i], found, levels) - shift);
    }
  });
  return bytes;
}

/** What is subtracted from integers around the middle of their range: the middle where they are signed, else what it lies beside that of the format. */
export function symmetricShift(order: BlockOrder, bits: BlockBits): number {
  const middle = 2 ** (bits - 1);
  return order === 'source' ? middle : middle - 2 ** (storedBits(bits) - 1);
}

/** As `parametersByKernels`, for what kernels do not know. */
const visitParametersHere: typeof parametersByKernels = (source, layout, scheme, visit) => {
  const found: BlockParameters = { scale: 1, zeroPoint: 0 };
  visitBlocks(source, layout, scheme.blockSize, (values, start, count, channel, block) => {
    findBlockParameters(values, start, count, scheme, found);
    visit(channel, block, found.scale, found.zeroPoint);
  });
};

function visitKnown({ scales, zeroPoints }: KnownParameters): typeof parametersByKernels {
  return (_source, layout, scheme, visit) => {
    const blocks = blockCount(layout, scheme);
    for (let at = 0; at < scales.length; at++) visit(Math.floor(at / blocks), at % blocks, scales[at], zeroPoints[at]);
  };
}

interface SearchInput {
  readonly layout: BlockLayout;
  readonly scheme: BlockScheme;
}

export const findBlocksTask = tensorTask(import.meta.url, 'findBlocksTask', searchBlocks);

/**
 * The parameters of all blocks where their search takes long, so that it happens once: memory for a float or two a block. Null where they are found
 * while the file is written.
 */
export async function findBlocks(
  source: Tensor,
  layout: BlockLayout,
  scheme: BlockScheme,
  workers: Workers,
  signal?: AbortSignal,
): Promise<KnownParameters | null> {
  if (scheme.search !== 'hqq') return null;
  return workOnTensor(findBlocksTask, source, { layout, scheme }, workers, signal);
}

function searchBlocks(source: Tensor, { layout, scheme }: SearchInput): KnownParameters {
  const blocks = blockCount(layout, scheme);
  const [scales, zeroPoints] = [new Float32Array(layout.n * blocks), new Float32Array(layout.n * blocks)];
  const visitParameters = blocksFitKernels(scheme) ? parametersByKernels : visitParametersHere;
  visitParameters(source, layout, scheme, (channel, block, scale, zeroPoint) => {
    scales[channel * blocks + block] = scale;
    zeroPoints[channel * blocks + block] = zeroPoint;
  });
  return { scales, zeroPoints };
}

/** The three tensors of a weight in blocks; zero points are null where all are the middle of the range. */
export interface BlockTensors {
  readonly integers: Tensor;
  readonly scales: Tensor;
  readonly zeroPoints: Tensor | null;
}

/**
 * As MatMulNBits takes them: uint8 [N, blocks, bytes of a block], the last block filled up with zeros; float32 [N, blocks];
 * uint8 [N, bytes of its zero points], or float32 [N, blocks].
 */
export function channelBlocks(
  source: Tensor,
  layout: BlockLayout,
  scheme: BlockScheme,
  known?: KnownParameters,
): BlockTensors {
  const { blockSize, symmetric, floatZeroPoints } = scheme;
  const bits = storedBits(scheme.bits);
  if ((blockSize * bits) % 8 !== 0) throw internalError(`blocks of ${blockSize} elements fill no whole bytes`);
  const blocks = blockCount(layout, scheme);
  const tensor = (dataType: 'uint8' | 'float32', shape: readonly number[], part: BlockPart): Tensor =>
    new ComputedTensor(dataType, shape, blockWeightKernel, [source], {
      layout,
      scheme,
      order: 'channels',
      part,
      known,
    });
  return {
    integers: tensor('uint8', [layout.n, blocks, (blockSize * bits) / 8], 'integers'),
    scales: tensor('float32', [layout.n, blocks], 'scales'),
    zeroPoints: floatZeroPoints
      ? tensor('float32', [layout.n, blocks], 'zeroPoints')
      : symmetric
        ? null
        : tensor('uint8', [layout.n, Math.ceil((blocks * bits) / 8)], 'zeroPoints'),
  };
}

/**
 * As DequantizeLinear takes them: integers in the order of the source, as a matrix, signed without zero points or unsigned with them; scales and zero
 * points with the summed axis in blocks, or one a channel where it is one block.
 */
export function sourceBlocks(
  source: Tensor,
  layout: BlockLayout,
  scheme: BlockScheme,
  known?: KnownParameters,
): BlockTensors {
  const { bits, symmetric } = scheme;
  const shape = sourceBlockShape(layout, scheme);
  const integerType = `${symmetric ? 'int' : 'uint'}${storedBits(bits)}` as const;
  const tensor = (dataType: typeof integerType | 'float32', dims: readonly number[], part: BlockPart): Tensor =>
    new ComputedTensor(dataType, dims, blockWeightKernel, [source], { layout, scheme, order: 'source', part, known });
  return {
    integers: tensor(integerType, layout.rows ? [layout.n, layout.k] : [layout.k, layout.n], 'integers'),
    scales: tensor('float32', shape, 'scales'),
    zeroPoints: symmetric ? null : tensor(integerType, shape, 'zeroPoints'),
  };
}
