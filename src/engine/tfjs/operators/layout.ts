// Operators that move elements without computing with them.
import { unsupportedModel } from '../../../errors.js';
import type { Tfjs, TfTensor } from '../backend.js';
import { type OperatorContext, type OperatorTable, resolveAxis } from '../operator.js';

export const layoutOperators: OperatorTable = {
  Reshape: ({ tf, input, numbers, node }) => {
    const x = input(0);
    const keepsZeros = node.attributes.int('allowzero', 0) !== 0;
    const shape = (numbers(1) ?? []).map((length, axis) => (length === 0 && !keepsZeros ? x.shape[axis] : length));
    return tf.reshape(x, shape);
  },
  Flatten: ({ tf, input, node }) => {
    const x = input(0);
    const axis = resolveAxis(node.attributes.int('axis', 1), x.rank);
    const rows = x.shape.slice(0, axis).reduce((product, length) => product * length, 1);
    return tf.reshape(x, [rows, x.size / Math.max(rows, 1)]);
  },
  Squeeze: ({ tf, input, numbers, node }) => {
    const x = input(0);
    const axes = (node.attributes.ints('axes') ?? numbers(1))?.map((axis) => resolveAxis(axis, x.rank));
    return tf.reshape(
      x,
      x.shape.filter((length, axis) => (axes ? !axes.includes(axis) : length !== 1)),
    );
  },
  Unsqueeze: ({ tf, input, numbers, node }) => {
    const x = input(0);
    const given = node.attributes.ints('axes') ?? numbers(1) ?? [];
    const rank = x.rank + given.length;
    const axes = given.map((axis) => resolveAxis(axis, rank));
    const rest = [...x.shape];
    return tf.reshape(
      x,
      Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : rest.shift()!)),
    );
  },
  Transpose: ({ tf, input, node }) => tf.transpose(input(0), node.attributes.ints('perm') ?? undefined),
  Concat: ({ tf, inputs, node }) => tf.concat(inputs as TfTensor[], node.attributes.int('axis', 0)),
  Split: ({ tf, input, numbers, node }) => {
    const x = input(0);
    const axis = resolveAxis(node.attributes.int('axis', 0), x.rank);
    const given = node.attributes.ints('split') ?? numbers(1);
    const count = node.outputs.length;
    const even = Math.ceil(x.shape[axis] / count);
    const lengths = given ?? Array.from({ length: count }, (_, i) => Math.min(even, x.shape[axis] - i * even));
    return tf.split(x, [...lengths], axis);
  },
  Slice: slice,
  Pad: pad,
  Expand: ({ tf, input, numbers }) => {
    const x = input(0);
    const shape = numbers(1) ?? [];
    // Where the target has 1, the input may be longer.
    const rank = Math.max(shape.length, x.rank);
    const own = [...new Array<number>(rank - x.rank).fill(1), ...x.shape];
    const wanted = [...new Array<number>(rank - shape.length).fill(1), ...shape];
    return tf.broadcastTo(
      tf.reshape(x, own),
      wanted.map((length, axis) => Math.max(length, own[axis])),
    );
  },
  Tile: ({ tf, input, numbers }) => tf.tile(input(0), [...(numbers(1) ?? [])]),
  DepthToSpace: ({ tf, input, node }) => {
    const x = input(0);
    const size = node.attributes.int('blocksize', 1);
    const [n, c, h, w] = x.shape;
    const depth = c / size ** 2;
    const columnsFirst = node.attributes.string('mode', 'DCR') === 'CRD';
    const split = tf.reshape(x, columnsFirst ? [n, depth, size, size, h, w] : [n, size, size, depth, h, w]);
    const moved = tf.transpose(split, columnsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
    return tf.reshape(moved, [n, depth, h * size, w * size]);
  },
  SpaceToDepth: ({ tf, input, node }) => {
    const x = input(0);
    const size = node.attributes.int('blocksize', 1);
    const [n, c, h, w] = x.shape;
    const split = tf.reshape(x, [n, c, h / size, size, w / size, size]);
    return tf.reshape(tf.transpose(split, [0, 3, 5, 1, 2, 4]), [n, c * size ** 2, h / size, w / size]);
  },
  CumSum: ({ tf, input, numbers, node }) => {
    const x = input(0);
    const axis = resolveAxis(numbers(1)?.[0] ?? 0, x.rank);
    return tf.cumsum(x, axis, node.attributes.int('exclusive', 0) !== 0, node.attributes.int('reverse', 0) !== 0);
  },
  Shape: ({ tf, input }) => tf.tensor1d(input(0).shape, 'int32'),
};

function slice({ tf, input, numbers, node }: OperatorContext): TfTensor {
  const x = input(0);
  const starts = node.attributes.ints('starts') ?? numbers(1) ?? [];
  const ends = node.attributes.ints('ends') ?? numbers(2) ?? [];
  const axes = (node.attributes.ints('axes') ?? numbers(3) ?? starts.map((_, i) => i)).map((axis) =>
    resolveAxis(axis, x.rank),
  );
  const steps = numbers(4) ?? starts.map(() => 1);
  const begin = x.shape.map(() => 0);
  const end = [...x.shape];
  const stride = x.shape.map(() => 1);
  const reversed: number[] = [];
  for (const [i, axis] of axes.entries()) {
    const length = x.shape[axis];
    const clamp = (value: number, low: number, high: number): number =>
      Math.min(Math.max(value < 0 ? value + length : value, low), high);
    if (steps[i] > 0) {
      begin[axis] = clamp(starts[i], 0, length);
      end[axis] = Math.max(begin[axis], clamp(ends[i], 0, length));
      stride[axis] = steps[i];
    } else {
      // Backwards: the same elements of the reversed axis.
      const first = clamp(starts[i], 0, length - 1);
      const last = clamp(ends[i], -1, length - 1);
      begin[axis] = length - 1 - first;
      end[axis] = Math.max(begin[axis], length - 1 - last);
      stride[axis] = -steps[i];
      reversed.push(axis);
    }
  }
  const turned = reversed.length > 0 ? tf.reverse(x, reversed) : x;
  if (stride.every((step) => step === 1)) {
    return tf.slice(
      turned,
      begin,
      end.map((last, axis) => last - begin[axis]),
    );
  }
  return tf.stridedSlice(turned, begin, end, stride);
}

function pad({ tf, input, inputs, numbers, node }: OperatorContext): TfTensor {
  const x = input(0);
  if (node.attributes.string('mode', 'constant') !== 'constant')
    throw unsupportedModel('Pad that is not constant is not known to tfjs');
  const given = node.attributes.ints('pads') ?? numbers(1) ?? [];
  const axes = (inputs[3] ? numbers(3)! : x.shape.map((_, axis) => axis)).map((axis) => resolveAxis(axis, x.rank));
  const value = inputs[2] ? (numbers(2)?.[0] ?? 0) : node.attributes.float('value', 0);
  const pads = x.shape.map((): [number, number] => [0, 0]);
  for (const [i, axis] of axes.entries()) pads[axis] = [given[i], given[i + axes.length]];
  // Negative pads cut off.
  const kept = pads.some(([before, after]) => before < 0 || after < 0)
    ? tf.slice(
        x,
        pads.map(([before]) => Math.max(0, -before)),
        pads.map(([before, after], axis) => x.shape[axis] - Math.max(0, -before) - Math.max(0, -after)),
      )
    : x;
  const added = pads.map(([before, after]): [number, number] => [Math.max(0, before), Math.max(0, after)]);
  if (added.every(([before, after]) => before === 0 && after === 0)) return kept === x ? x.clone() : kept;
  return padAxes(tf, kept, added, value);
}

/** Axes of which backends pad tensors at once. */
const mostPaddedAxes = 4;

/** Tensors of more axes are padded axis by axis, as [what is before, the axis, what is behind]. */
export function padAxes(tf: Tfjs, x: TfTensor, pads: readonly [number, number][], value = 0): TfTensor {
  if (x.rank <= mostPaddedAxes) return tf.pad(x, [...pads], value);
  return pads.reduce((padded, [before, after], axis) => {
    if (before === 0 && after === 0) return padded;
    const { shape } = padded;
    const lengths = [shape.slice(0, axis), shape.slice(axis + 1)].map((part) => part.reduce((a, b) => a * b, 1));
    const flat = tf.reshape(padded, [lengths[0], shape[axis], lengths[1]]);
    const longer = [...shape.slice(0, axis), shape[axis] + before + after, ...shape.slice(axis + 1)];
    return tf.reshape(
      tf.pad(
        flat,
        [
          [0, 0],
          [before, after],
          [0, 0],
        ],
        value,
      ),
      longer,
    );
  }, x);
}
