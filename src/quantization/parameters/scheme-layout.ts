// Which scale belongs to which element of a row-major tensor, seen as [outer, length of the axis, inner].
// Any piece of the tensor falls apart into runs that share one scale or rows with one scale per element; kernels see only those.

import type { Granularity } from './scheme.js';

/** Element ((o · channels) + c) · inner + i of the tensor has index c along the axis. */
export interface QuantizationLayout {
  readonly kind: Granularity['kind'];
  readonly outer: number;
  /** Length of the axis; 1 when the granularity is the tensor. */
  readonly channels: number;
  readonly inner: number;
  /** Elements of the axis that share a scale; the last block may be shorter. 1 unless `kind` is block. */
  readonly blockSize: number;
  /** Number of scales. */
  readonly parameterCount: number;
  /** Shape of scale and zero point as QuantizeLinear wants it: [], [channels] or the shape with the axis in blocks. */
  readonly parameterShape: readonly number[];
  /** The axis, counted from the front; null when the granularity is the tensor. */
  readonly axis: number | null;
}

/**
 * The layout of a tensor of `shape`. A negative axis counts from the end.
 * @throws RangeError when the axis is outside the shape or the block size is not a positive integer.
 */
export function layoutOf(shape: readonly number[], granularity: Granularity): QuantizationLayout {
  if (granularity.kind === 'tensor') {
    const inner = product(shape);
    const single = { outer: 1, channels: 1, inner, blockSize: 1, parameterCount: 1 };
    return { kind: 'tensor', ...single, parameterShape: [], axis: null };
  }
  const axis = granularity.axis < 0 ? granularity.axis + shape.length : granularity.axis;
  if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length) {
    throw new RangeError(`axis ${granularity.axis} is outside a shape of ${shape.length} dimensions`);
  }
  const outer = product(shape.slice(0, axis));
  const channels = shape[axis];
  const inner = product(shape.slice(axis + 1));
  if (granularity.kind === 'channel') {
    const parameters = { parameterCount: channels, parameterShape: [channels] };
    return { kind: 'channel', outer, channels, inner, blockSize: 1, ...parameters, axis };
  }
  const { blockSize } = granularity;
  if (!Number.isInteger(blockSize) || blockSize < 1) {
    throw new RangeError(`block size must be a positive integer, not ${blockSize}`);
  }
  const parameterShape = shape.with(axis, Math.ceil(channels / blockSize));
  return {
    kind: 'block',
    outer,
    channels,
    inner,
    blockSize,
    parameterCount: product(parameterShape),
    parameterShape,
    axis,
  };
}

/** Elements of the tensor. */
export function elementCount(layout: QuantizationLayout): number {
  return layout.outer * layout.channels * layout.inner;
}

/** Receives consecutive stretches of a piece; `offset` counts from the start of the piece. */
export interface StretchVisitor {
  /** `length` elements that share the scale `parameter`. */
  run(offset: number, length: number, parameter: number): void;
  /** `length` elements, the first with the scale `parameter`, the next with the one after it, and so on. */
  row(offset: number, length: number, parameter: number): void;
}

/**
 * Visits `count` elements from `firstElement` of the tensor, in order and each once.
 * @throws RangeError when the piece does not lie inside the tensor.
 */
export function visitStretches(
  layout: QuantizationLayout,
  firstElement: number,
  count: number,
  visitor: StretchVisitor,
): void {
  if (!Number.isInteger(firstElement) || firstElement < 0 || firstElement + count > elementCount(layout)) {
    throw new RangeError(`elements ${firstElement} to ${firstElement + count} are outside ${elementCount(layout)}`);
  }
  if (count === 0) return;
  if (layout.parameterCount === 1) {
    visitor.run(0, count, 0);
  } else if (layout.kind === 'channel') {
    visitChannels(layout, firstElement, count, visitor);
  } else {
    visitBlocks(layout, firstElement, count, visitor);
  }
}

function visitChannels(layout: QuantizationLayout, first: number, count: number, visitor: StretchVisitor): void {
  const { channels, inner } = layout;
  let offset = 0;
  if (inner === 1) {
    let channel = first % channels;
    while (offset < count) {
      const length = Math.min(channels - channel, count - offset);
      visitor.row(offset, length, channel);
      offset += length;
      channel = 0;
    }
    return;
  }
  let channel = Math.floor(first / inner) % channels;
  let length = inner - (first % inner);
  while (offset < count) {
    length = Math.min(length, count - offset);
    visitor.run(offset, length, channel);
    offset += length;
    length = inner;
    channel = channel + 1 === channels ? 0 : channel + 1;
  }
}

function visitBlocks(layout: QuantizationLayout, first: number, count: number, visitor: StretchVisitor): void {
  const { channels, inner, blockSize } = layout;
  const blocks = Math.ceil(channels / blockSize);
  let offset = 0;
  while (offset < count) {
    const element = first + offset;
    const i = element % inner;
    const line = Math.floor(element / inner);
    const channel = line % channels;
    const block = Math.floor(channel / blockSize);
    const parameter = (Math.floor(line / channels) * blocks + block) * inner + i;
    // With nothing inside the axis a block is contiguous; otherwise neighbours along the last axes differ in scale.
    const stretch = inner === 1 ? Math.min((block + 1) * blockSize, channels) - channel : inner - i;
    const length = Math.min(stretch, count - offset);
    if (inner === 1) visitor.run(offset, length, parameter);
    else visitor.row(offset, length, parameter);
    offset += length;
  }
}

function product(shape: readonly number[]): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}
