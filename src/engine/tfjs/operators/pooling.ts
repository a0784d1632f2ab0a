// MaxPool (with the indices of what it took), AveragePool, and pooling of whole maps.
import { unsupportedModel } from '../../../errors.js';
import type { TfTensor } from '../backend.js';
import type { OperatorContext, OperatorTable } from '../operator.js';
import { planeWindow, type Tensor4D, withoutAddedAxis, withTwoAxes } from './plane.js';

const lowest = -3.4028234663852886e38;

export const poolingOperators: OperatorTable = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: ({ tf, input }) => tf.mean(input(0), spatialAxes(input(0)), true),
  GlobalMaxPool: ({ tf, input }) => tf.max(input(0), spatialAxes(input(0)), true),
};

function spatialAxes(x: TfTensor): number[] {
  return Array.from({ length: x.rank - 2 }, (_, index) => index + 2);
}

interface Prepared {
  /** [n, h, w, c], padded. */
  readonly x: Tensor4D;
  readonly kernel: [number, number];
  readonly strides: [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly size: readonly [number, number];
}

function prepare({ tf, node, input }: OperatorContext, filler: number): Prepared {
  const given = node.attributes.ints('kernel_shape') ?? [];
  const kernel: [number, number] = given.length === 1 ? [1, given[0]] : [given[0], given[1]];
  const plane = withTwoAxes(tf, input(0));
  const size = [plane.shape[2], plane.shape[3]] as const;
  const { strides, dilations, pads } = planeWindow(node, kernel, size);
  if (dilations.some((dilation) => dilation !== 1)) throw unsupportedModel('Dilated pooling is not known to tfjs');
  const whole = [...pads] as [number, number, number, number];
  if (node.attributes.int('ceil_mode', 0) !== 0) {
    for (const axis of [0, 1]) {
      const length = size[axis] + pads[axis] + pads[axis + 2];
      const windows = Math.ceil((length - kernel[axis]) / strides[axis]) + 1;
      // A window must begin in the input or the padding before it.
      const fitting = (windows - 1) * strides[axis] >= size[axis] + pads[axis] ? windows - 1 : windows;
      whole[axis + 2] += Math.max(0, (fitting - 1) * strides[axis] + kernel[axis] - length);
    }
  }
  const last = tf.transpose(plane, [0, 2, 3, 1]);
  const padded = whole.some((pad) => pad > 0)
    ? tf.pad(
        last,
        [
          [0, 0],
          [whole[0], whole[2]],
          [whole[1], whole[3]],
          [0, 0],
        ],
        filler,
      )
    : last;
  return { x: padded, kernel, strides: [...strides], pads: whole, size };
}

function maxPool(context: OperatorContext): TfTensor | readonly TfTensor[] {
  const { tf, node, input } = context;
  const { x, kernel, strides, pads, size } = prepare(context, lowest);
  const back = (y: Tensor4D): TfTensor => withoutAddedAxis(tf, tf.transpose(y, [0, 3, 1, 2]), input(0).rank);
  const result = tf.maxPool(x, kernel, strides, 'valid');
  if (!node.outputs[1]) return back(result);
  // Padding is below everything once the least element is moved to 1; the WASM backend finds no maximum below 0.
  const raised = tf.maximum(tf.add(tf.sub(x, tf.min(input(0))), 1), 0) as Tensor4D;
  const { indexes } = tf.maxPoolWithArgmax(raised, kernel, strides, 'valid', false);
  const [n, , width, channels] = x.shape;
  // (row · width + column) · channels + channel of the padded plane; ONNX counts in the whole unpadded tensor, channels before rows.
  const place = tf.floorDiv(tf.cast(indexes, 'int32'), tf.scalar(channels, 'int32'));
  const row = tf.floorDiv(place, tf.scalar(width, 'int32'));
  const column = tf.sub(place, tf.mul(row, tf.scalar(width, 'int32')));
  const unpadded = tf.add(
    tf.mul(tf.sub(row, tf.scalar(pads[0], 'int32')), tf.scalar(size[1], 'int32')),
    tf.sub(column, tf.scalar(pads[1], 'int32')),
  );
  const planes = tf.reshape(tf.range(0, n * channels, 1, 'int32'), [n, 1, 1, channels]);
  const indices = tf.add(tf.mul(planes, tf.scalar(size[0] * size[1], 'int32')), unpadded);
  return [back(result), back(indices as Tensor4D)];
}

function averagePool(context: OperatorContext): TfTensor {
  const { tf, node, input } = context;
  const { x, kernel, strides, pads, size } = prepare(context, 0);
  const sums = tf.mul(tf.avgPool(x, kernel, strides, 'valid'), kernel[0] * kernel[1]);
  const own = planeWindow(node, kernel, size).pads;
  const counted = node.attributes.int('count_include_pad', 0) !== 0 ? own : ([0, 0, 0, 0] as const);
  // How many elements of each window count, along each axis.
  const lengths = [0, 1].map((axis) => {
    const windows = sums.shape[axis + 1];
    return Array.from({ length: windows }, (_, index) => {
      const start = index * strides[axis] - pads[axis];
      return Math.max(
        1,
        Math.min(start + kernel[axis], size[axis] + counted[axis + 2]) - Math.max(start, -counted[axis]),
      );
    });
  });
  const counts = tf.mul(
    tf.reshape(tf.tensor1d(lengths[0]), [1, -1, 1, 1]),
    tf.reshape(tf.tensor1d(lengths[1]), [1, 1, -1, 1]),
  );
  return withoutAddedAxis(tf, tf.transpose(tf.div(sums, counts), [0, 3, 1, 2]), input(0).rank);
}
