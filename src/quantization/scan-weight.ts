// Finds the ranges of a weight, piece by piece, in worker threads where it is large.
import { throwIfAborted } from '../errors.js';
import type { Task, Workers } from '../parallel/index.js';
import { restoreTensor, type Tensor, type TensorDescription } from '../tensor/index.js';
import { pairUnit, scanPairRange } from './pair-ranges.js';
import { createRanges, scanRange, type ValueRanges } from './parameters-ranges.js';
import type { QuantizationLayout } from './scheme-layout.js';
import { float32Pieces } from './weight-pieces.js';

/** What to look for: the range of the values, or of the sums of neighbours along K (see `scanPairRange`). */
export type ScanKind = 'values' | 'pairs';

interface ScanInput {
  readonly tensor: TensorDescription;
  readonly layout: QuantizationLayout;
  readonly kind: ScanKind;
  readonly from: number;
  readonly to: number;
}

export const scanWeightTask: Task<ScanInput, ValueRanges> = {
  module: import.meta.url,
  exportName: 'scanWeightTask',
  async run({ tensor, layout, kind, from, to }) {
    return scanElements(await restoreTensor(tensor), layout, kind, from, to);
  },
};

/** Elements that are worth a task of their own. */
const taskElements = 16 << 20;
/** Elements below which a trip to a worker thread costs more than the scan. */
const parallelElements = 128 << 10;

/** The ranges of all of `tensor`, one entry per channel of `layout`. */
export async function scanWeight(
  tensor: Tensor,
  layout: QuantizationLayout,
  kind: ScanKind,
  workers: Workers,
  signal?: AbortSignal,
): Promise<ValueRanges> {
  throwIfAborted(signal);
  const description = workers.jobs > 1 && tensor.size >= parallelElements ? tensor.describe() : null;
  if (description === null) return scanElements(tensor, layout, kind, 0, tensor.size);
  const unit = 16 * unitOf(layout, kind);
  // Parts of a computed tensor would each compute it from its start.
  const step = description.kind === 'computed' ? tensor.size : Math.ceil(taskElements / unit) * unit;
  const parts: Promise<ValueRanges>[] = [];
  for (let from = 0; from < tensor.size; from += step) {
    const to = Math.min(from + step, tensor.size);
    parts.push(workers.run(scanWeightTask, { tensor: description, layout, kind, from, to }, signal));
  }
  return (await Promise.all(parts)).reduce(mergeRanges);
}

function scanElements(
  tensor: Tensor,
  layout: QuantizationLayout,
  kind: ScanKind,
  from: number,
  to: number,
): ValueRanges {
  const ranges = createRanges(layout);
  const scan = kind === 'pairs' ? scanPairRange : scanRange;
  for (const { first, values } of float32Pieces(tensor, unitOf(layout, kind), from, to)) {
    scan(values, first, layout, ranges);
  }
  return ranges;
}

/** Whole rows go fastest through the kernels; pairs must not be torn apart. */
function unitOf(layout: QuantizationLayout, kind: ScanKind): number {
  if (kind === 'pairs') return pairUnit(layout);
  return layout.inner === 1 ? layout.channels : 1;
}

function mergeRanges(a: ValueRanges, b: ValueRanges): ValueRanges {
  return {
    minimum: a.minimum.map((value, p) => Math.min(value, b.minimum[p])),
    maximum: a.maximum.map((value, p) => Math.max(value, b.maximum[p])),
    nonFiniteCount: a.nonFiniteCount + b.nonFiniteCount,
    firstNonFinite: a.firstNonFinite >= 0 ? a.firstNonFinite : b.firstNonFinite,
  };
}

/** One range over all channels, for a scheme with one scale per tensor. */
export function uniteRanges(ranges: ValueRanges): ValueRanges {
  const { minimum, maximum } = ranges;
  return {
    ...ranges,
    minimum: Float32Array.of(minimum.reduce((low, value) => Math.min(low, value), Infinity)),
    maximum: Float32Array.of(maximum.reduce((high, value) => Math.max(high, value), -Infinity)),
  };
}
