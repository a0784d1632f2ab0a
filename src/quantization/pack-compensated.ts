// Packing with data: the errors of rounding are made up for within each channel, as the second moments of the inputs allow (GPTQ).
import { throwIfAborted } from '../errors.js';
import { packElements } from '../numeric/index.js';
import type { Task, Workers } from '../parallel/index.js';
import { restoreTensor, type Tensor, type TensorDescription } from '../tensor/index.js';
import { compensateErrors, type RoundingGrid } from './error-compensation.js';
import { findPackedScales, type PackedLayout, type PackedParameters } from './pack-weight.js';
import { type PackedWidth, selectMultiplier } from './packed-multiplier.js';

export interface CompensatedScheme {
  readonly bits: PackedWidth;
  readonly damping: number;
  readonly actOrder: boolean;
}

interface CompensatedInput extends CompensatedScheme {
  readonly tensor: TensorDescription;
  readonly layout: PackedLayout;
  /** Σxxᵀ [K, K]. */
  readonly gram: Float64Array;
}

export const packCompensatedTask: Task<CompensatedInput, PackedParameters | string> = {
  module: import.meta.url,
  exportName: 'packCompensatedTask',
  async run({ tensor, layout, gram, ...scheme }) {
    return packMatrix(await restoreTensor(tensor), layout, gram, scheme);
  },
};

/** Scales, multipliers and integers of a matrix (`layout.outer` or `layout.inner` is 1), or the reason why it has none. Memory: the matrix, some times. */
export async function packCompensated(
  tensor: Tensor,
  layout: PackedLayout,
  gram: Float64Array,
  scheme: CompensatedScheme,
  workers: Workers,
  signal?: AbortSignal,
): Promise<PackedParameters | string> {
  throwIfAborted(signal);
  const description = workers.jobs > 1 ? tensor.describe() : null;
  if (description === null) return packMatrix(tensor, layout, gram, scheme);
  return workers.run(packCompensatedTask, { tensor: description, layout, gram, ...scheme }, signal);
}

function packMatrix(
  tensor: Tensor,
  layout: PackedLayout,
  gram: Float64Array,
  { bits, damping, actOrder }: CompensatedScheme,
): PackedParameters | string {
  const scale = findPackedScales(tensor, layout, bits);
  if (typeof scale === 'string') return scale;
  const { k, blockSize, inner } = layout;
  const n = scale.length;
  const rows = inner === 1;
  const stored = tensor.readFloat32();
  const weights = rows ? turned(stored, n, k) : stored.slice();
  const grid = new PackedGrid([k, n], scale, bits, blockSize);
  if (!compensateErrors(weights, gram, [k, n], grid, { blockSize, damping, actOrder })) {
    return 'the second moments of its inputs are not positive';
  }
  const integers = rows ? turned(grid.integers, k, n) : grid.integers;
  const multipliers = rows ? turned(grid.multipliers, k / blockSize, n) : grid.multipliers;
  return { bits, scale, multipliers: packElements(multipliers, 4), integers: packElements(integers, 4) };
}

/** q · m · c; see packed-multiplier.ts. */
class PackedGrid implements RoundingGrid {
  /** [K, N]. */
  readonly integers: Int8Array;
  /** [K / blockSize, N]. */
  readonly multipliers: Int8Array;
  private readonly scale: Float32Array;
  private readonly bits: PackedWidth;
  private readonly blockSize: number;
  private readonly block: Float32Array;

  constructor([k, n]: readonly [number, number], scale: Float32Array, bits: PackedWidth, blockSize: number) {
    this.integers = new Int8Array(k * n);
    this.multipliers = new Int8Array((k / blockSize) * n);
    this.block = new Float32Array(blockSize);
    this.scale = scale;
    this.bits = bits;
    this.blockSize = blockSize;
  }

  fit(weights: Float32Array, from: number, to: number): void {
    const { scale, bits, block } = this;
    const n = scale.length;
    const first = (from / this.blockSize) * n;
    for (let column = 0; column < n; column++) {
      for (let row = from; row < to; row++) block[row - from] = weights[row * n + column];
      this.multipliers[first + column] = selectMultiplier(block, 0, to - from, scale[column], bits, 'mse');
    }
  }

  round(k: number, row: Float32Array, decoded: Float32Array): void {
    const { scale, integers, multipliers } = this;
    const n = scale.length;
    const first = Math.floor(k / this.blockSize) * n;
    const lowest = -(2 ** (this.bits - 1));
    for (let column = 0; column < n; column++) {
      const step = multipliers[first + column] * scale[column];
      const q = Math.min(Math.max(Math.round(row[column] / step), lowest), -lowest - 1);
      integers[k * n + column] = q;
      decoded[column] = q * step;
    }
  }
}

/** The transpose of `values` [rows, columns]. */
function turned<Elements extends Float32Array | Int8Array>(values: Elements, rows: number, columns: number): Elements {
  const result = values.slice() as Elements;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column];
  }
  return result;
}
