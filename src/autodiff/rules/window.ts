// How windows of Conv, ConvTranspose and pooling lie on their input: one place for pads, strides, dilations and auto_pad.
import type { Node } from '../../ir/index.js';
import type { Shape } from '../graph-builder.js';

export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Zeros before each spatial axis. */
  readonly before: readonly number[];
  /** From the first to one past the last element of a dilated kernel. */
  readonly extent: readonly number[];
}

/** `larger` and `smaller`: spatial shapes of input and output of a Conv or pooling, of output and input of a ConvTranspose. */
export function windowOf(node: Node, kernel: Shape, larger: Shape, smaller: Shape): Window {
  const { attributes } = node;
  const ones = kernel.map(() => 1);
  const strides = attributes.ints('strides') ?? ones;
  const dilations = attributes.ints('dilations') ?? ones;
  const extent = kernel.map((length, axis) => (length - 1) * dilations[axis] + 1);
  const autoPad = attributes.string('auto_pad', 'NOTSET');
  const before =
    autoPad === 'NOTSET'
      ? (attributes.ints('pads') ?? kernel.map(() => 0)).slice(0, kernel.length)
      : kernel.map((_, axis) => {
          const total = Math.max(0, (smaller[axis] - 1) * strides[axis] + extent[axis] - larger[axis]);
          if (autoPad === 'SAME_UPPER') return Math.floor(total / 2);
          return autoPad === 'SAME_LOWER' ? Math.ceil(total / 2) : 0;
        });
  return { kernel, strides, dilations, before, extent };
}

/** All multi-indices below `shape`, in row-major order. */
export function* positions(shape: Shape): Iterable<readonly number[]> {
  const count = shape.reduce((product, dim) => product * dim, 1);
  for (let flat = 0; flat < count; flat++) {
    const index = new Array<number>(shape.length);
    let rest = flat;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    yield index;
  }
}
