// Conv and ConvTranspose over one or two axes. Backends that want channels last get them transposed.
import { unsupportedModel } from '../../../errors.js';
import type { TfTensor } from '../backend.js';
import type { OperatorContext, OperatorTable } from '../operator.js';
import { padAxes } from './layout.js';
import { type PlaneWindow, planeWindow, type Tensor4D, withoutAddedAxis, withTwoAxes } from './plane.js';

export const convolutionOperators: OperatorTable = {
  Conv: (context) => {
    const { input, inputs, node, tf } = context;
    const x = withTwoAxes(tf, input(0));
    const w = withTwoAxes(tf, input(1));
    const window = planeWindow(node, [w.shape[2], w.shape[3]], [x.shape[2], x.shape[3]]);
    const y = convolve(context, x, w, window, node.attributes.int('group', 1));
    return withoutAddedAxis(tf, withBias(context, y, inputs[2]), input(0).rank);
  },
  ConvTranspose: transposed,
};

function withBias({ tf }: OperatorContext, y: Tensor4D, bias: TfTensor | null | undefined): Tensor4D {
  return bias ? tf.add(y, tf.reshape(bias, [1, -1, 1, 1])) : y;
}

/** x [n, c, h, w], weights [outputs, c / group, rows, columns]; gives [n, outputs, ...]. Channels go last meanwhile: not every backend is right otherwise. */
function convolve(
  { tf }: OperatorContext,
  x: Tensor4D,
  weights: Tensor4D,
  { strides, dilations, pads }: PlaneWindow,
  group: number,
): Tensor4D {
  const [outputs, perGroup, rows, columns] = weights.shape;
  const channels = x.shape[1];
  const padding: [[number, number], [number, number], [number, number], [number, number]] = [
    [0, 0],
    [pads[0], pads[2]],
    [pads[1], pads[3]],
    [0, 0],
  ];
  const inner = tf.transpose(x, [0, 2, 3, 1]);
  const outer = (y: Tensor4D): Tensor4D => tf.transpose(y, [0, 3, 1, 2]);
  if (group === channels && perGroup === 1 && group > 1) {
    const multiplier = outputs / channels;
    const split = tf.reshape(weights, [channels, multiplier, rows, columns]);
    const filter = tf.transpose(split, [2, 3, 0, 1]) as Tensor4D;
    return outer(tf.depthwiseConv2d(inner, filter, [...strides], padding as never, 'NHWC', [...dilations]));
  }
  const filter = tf.transpose(weights, [2, 3, 1, 0]);
  const run = (part: TfTensor, filters: TfTensor): Tensor4D =>
    tf.conv2d(part as Tensor4D, filters as Tensor4D, [...strides], padding as never, 'NHWC', [...dilations]);
  if (group === 1) return outer(run(inner, filter));
  const filters = tf.split(filter, group, 3);
  return outer(
    tf.concat(
      tf.split(inner, group, 3).map((part, index) => run(part, filters[index])),
      3,
    ),
  );
}

/** As a convolution of the input, with zeros between its elements, by the flipped kernel (Dumoulin and Visin 2016). */
function transposed(context: OperatorContext): TfTensor {
  const { tf, input, inputs, node } = context;
  if (node.attributes.get('output_shape'))
    throw unsupportedModel('ConvTranspose with output_shape is not known to tfjs');
  const x = withTwoAxes(tf, input(0));
  const w = withTwoAxes(tf, input(1));
  const group = node.attributes.int('group', 1);
  const [channels, perGroup, rows, columns] = w.shape;
  const { strides, dilations, pads } = planeWindow(node, [rows, columns], [1, 1]);
  const added = node.attributes.ints('output_padding') ?? [0, 0];
  const extra = added.length === 1 ? [0, added[0]] : added;
  const split = tf.reshape(tf.reverse(w, [2, 3]), [group, channels / group, perGroup, rows, columns]);
  const flipped = tf.reshape(tf.transpose(split, [0, 2, 1, 3, 4]), [group * perGroup, channels / group, rows, columns]);
  const extent = [(rows - 1) * dilations[0] + 1, (columns - 1) * dilations[1] + 1];
  // May be negative: then the result is cut.
  const before = [extent[0] - 1 - pads[0], extent[1] - 1 - pads[1]];
  const after = [extent[0] - 1 - pads[2] + extra[0], extent[1] - 1 - pads[3] + extra[1]];
  const spread = spreadOut(context, x, strides);
  const window: PlaneWindow = {
    strides: [1, 1],
    dilations,
    pads: [before[0], before[1], after[0], after[1]].map((pad) => Math.max(0, pad)) as [number, number, number, number],
  };
  const cutBefore = before.map((pad) => Math.max(0, -pad));
  const cutAfter = after.map((pad) => Math.max(0, -pad));
  const [n, c, h, width] = spread.shape;
  const kept = tf.slice(
    spread,
    [0, 0, cutBefore[0], cutBefore[1]],
    [n, c, h - cutBefore[0] - cutAfter[0], width - cutBefore[1] - cutAfter[1]],
  );
  const y = convolve(context, kept as Tensor4D, flipped as Tensor4D, window, group);
  return withoutAddedAxis(tf, withBias(context, y, inputs[2]), input(0).rank);
}

/** stride − 1 zeros between the elements of each axis, none after the last. */
function spreadOut({ tf }: OperatorContext, x: Tensor4D, [down, across]: readonly [number, number]): Tensor4D {
  if (down === 1 && across === 1) return x;
  const [n, c, h, w] = x.shape;
  const padded = padAxes(tf, tf.reshape(x, [n * c, h, 1, w, 1]), [
    [0, 0],
    [0, 0],
    [0, down - 1],
    [0, 0],
    [0, across - 1],
  ]);
  const whole = tf.reshape(padded, [n, c, h * down, w * across]);
  return tf.slice(whole as Tensor4D, [0, 0, 0, 0], [n, c, (h - 1) * down + 1, (w - 1) * across + 1]);
}
