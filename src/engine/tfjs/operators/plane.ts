// Windows of convolution and pooling over two spatial axes; one axis is a plane of one row.
import { unsupportedModel } from '../../../errors.js';
import type { Node } from '../../../ir/index.js';
import type { Tfjs, TfTensor } from '../backend.js';

export type Tensor4D = import('@tensorflow/tfjs-core').Tensor4D;

type Pair = readonly [number, number];

export interface PlaneWindow {
  readonly strides: Pair;
  readonly dilations: Pair;
  /** Before the rows, before the columns, after the rows, after the columns. */
  readonly pads: readonly [number, number, number, number];
}

/** [n, c, l] as [n, c, 1, l]. */
export function withTwoAxes(tf: Tfjs, x: TfTensor): Tensor4D {
  if (x.rank === 4) return x as Tensor4D;
  if (x.rank !== 3) throw unsupportedModel(`A window over ${x.rank - 2} axes is not known to tfjs`);
  const [n, c, length] = x.shape as readonly number[];
  return tf.reshape(x, [n, c, 1, length]);
}

export function withoutAddedAxis(tf: Tfjs, y: Tensor4D, rank: number): TfTensor {
  return rank === 3 ? tf.reshape(y, [y.shape[0], y.shape[1], y.shape[3]]) : y;
}

/** `kernel` and `size` are those of the plane. */
export function planeWindow({ attributes }: Node, kernel: Pair, size: Pair): PlaneWindow {
  const pair = (name: string, missing: number): Pair => {
    const given = attributes.ints(name);
    if (!given) return [missing, missing];
    return given.length === 1 ? [missing, given[0]] : [given[0], given[1]];
  };
  const strides = pair('strides', 1);
  const dilations = pair('dilations', 1);
  const autoPad = attributes.string('auto_pad', 'NOTSET');
  if (autoPad.startsWith('SAME')) {
    const totals = size.map((length, axis) =>
      Math.max(
        0,
        (Math.ceil(length / strides[axis]) - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 - length,
      ),
    );
    const before = totals.map((total) => (autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2)));
    return { strides, dilations, pads: [before[0], before[1], totals[0] - before[0], totals[1] - before[1]] };
  }
  const given = autoPad === 'VALID' ? null : attributes.ints('pads');
  if (!given) return { strides, dilations, pads: [0, 0, 0, 0] };
  const pads = given.length === 2 ? [0, given[0], 0, given[1]] : given;
  return { strides, dilations, pads: [pads[0], pads[1], pads[2], pads[3]] };
}
