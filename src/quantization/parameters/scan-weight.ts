// Finds the ranges of a weight, piece by piece, in worker threads where it is large.
import { throwIfAborted } from '../../errors.js';
import type { Task, Workers } from '../../parallel/index.js';
import { restoreTensor, type Tensor, type TensorDescription } from '../../tensor/index.js';
import { createPairRanges, type PairRanges, pairUnit, scanPairRange } from './pair-ranges.js';
import { createRanges, scanRange, type ValueRanges } from './parameters-ranges.js';
import type { QuantizationLayout } from './scheme-layout.js';
import { float32Pieces } from './weight-pieces.js';

interface ScanInput {
  readonly tensor: TensorDescription;
  readonly layout: QuantizationLayout;
  readonly pairs: boolean;
  readonly from: number;
  readonly to: number;
}

export const scanWeightTask: Task<ScanInput, ValueRanges | PairRanges> = {
  module: import.meta.url,
  exportName: 'scanWeightTask',
  async run(input) {
    return scanElements({ ...input, tensor: await restoreTensor(input.tensor) });
  },
};

/** Elements that are worth a task of their own. */
const taskElements = 16 << 20;
/** Elements below which a trip to a worker thread costs more than the scan. */
const parallelElements = 128 << 10;

/** The ranges of the values of `tensor`, one entry per channel of `layout`. */
export async function scanWeight(
  tensor: Tensor,
  layout: QuantizationLayout,
  workers: Workers,
  signal?: AbortSignal,
): Promise<ValueRanges> {
  const parts = await scanParts(tensor, layout, false, workers, signal);
  return parts.reduce(mergeRanges);
}

/** As `scanWeight`, with the ranges of the sums of neighbours along K; the layout is a matrix (see `scanPairRange`). */
export async function scanWeightPairs(
  tensor: Tensor,
  layout: QuantizationLayout,
  workers: Workers,
  signal?: AbortSignal,
): Promise<PairRanges> {
  const parts = (await scanParts(tensor, layout, true, workers, signal)) as PairRanges[];
  return parts.reduce((a, b) => ({
    ...mergeRanges(a, b),
    minimumSum: smallest(a.minimumSum, b.minimumSum),
    maximumSum: largest(a.maximumSum, b.maximumSum),
  }));
}

async function scanParts(
  tensor: Tensor,
  layout: QuantizationLayout,
  pairs: boolean,
  workers: Workers,
  signal: AbortSignal | undefined,
): Promise<(ValueRanges | PairRanges)[]> {
  throwIfAborted(signal);
  const description = workers.jobs > 1 && tensor.size >= parallelElements ? tensor.describe() : null;
  if (description === null) return [scanElements({ tensor, layout, pairs, from: 0, to: tensor.size })];
  const unit = 16 * unitOf(layout, pairs);
  // Parts of a computed tensor would each compute it from its start.
  const step = description.kind === 'computed' ? tensor.size : Math.ceil(taskElements / unit) * unit;
  const parts: Promise<ValueRanges | PairRanges>[] = [];
  for (let from = 0; from < tensor.size; from += step) {
    const input = { tensor: description, layout, pairs, from, to: Math.min(from + step, tensor.size) };
    parts.push(workers.run(scanWeightTask, input, signal));
  }
  return Promise.all(parts);
}

function scanElements({ tensor, layout, pairs, from, to }: Omit<ScanInput, 'tensor'> & { readonly tensor: Tensor }) {
  const pieces = float32Pieces(tensor, unitOf(layout, pairs), from, to);
  if (pairs) {
    const ranges = createPairRanges(layout);
    for (const { first, values } of pieces) scanPairRange(values, first, layout, ranges);
    return ranges;
  }
  const ranges = createRanges(layout);
  for (const { first, values } of pieces) scanRange(values, first, layout, ranges);
  return ranges;
}

/** Whole rows go fastest through the kernels; pairs must not be torn apart. */
function unitOf(layout: QuantizationLayout, pairs: boolean): number {
  if (pairs) return pairUnit(layout);
  return layout.inner === 1 ? layout.channels : 1;
}

function mergeRanges(a: ValueRanges, b: ValueRanges): ValueRanges {
  return {
    minimum: smallest(a.minimum, b.minimum),
    maximum: largest(a.maximum, b.maximum),
    nonFiniteCount: a.nonFiniteCount + b.nonFiniteCount,
    firstNonFinite: a.firstNonFinite >= 0 ? a.firstNonFinite : b.firstNonFinite,
  };
}

function smallest(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, p) => Math.min(value, b[p]));
}

function largest(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, p) => Math.max(value, b[p]));
}
