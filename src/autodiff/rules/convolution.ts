// Gradients of Conv and ConvTranspose, in forward operators only (Dumoulin and Visin 2016). The input's is a Conv with the flipped kernel;
// the weights' is a matrix product of the output gradient with what each kernel element saw.
import { intAttribute, intsAttribute, type Value } from '../../ir/index.js';
import { int64Tensor, sizeOf } from '../../tensor/index.js';
import type { GraphBuilder, Shape } from '../graph-builder.js';
import type { GradientContext, RuleTable } from '../rule.js';
import { positions, type Window, windowOf } from './window.js';

export const convolutionRules: RuleTable = {
  Conv: { gradients: convGradients },
  ConvTranspose: { gradients: transposeGradients },
};

function convGradients(context: GradientContext): (Value | null)[] {
  const { builder: b, node, upstream, input, wants, shapeOf } = context;
  const group = node.attributes.int('group', 1);
  const [x, w] = [input(0), input(1)];
  const window = windowOf(node, shapeOf(w).slice(2), shapeOf(x).slice(2), shapeOf(node.output).slice(2));
  return [
    wants(0) ? inputGradient(b, upstream, w, window, group, shapeOf(x)) : null,
    wants(1) ? weightGradient(b, x, upstream, window, group, shapeOf(w)) : null,
    wants(2) ? channelSums(b, upstream) : null,
  ];
}

/** A ConvTranspose is the input gradient of a Conv with the same weights; so its own gradients are that Conv and its weight gradient. */
function transposeGradients({ builder: b, node, upstream, input, wants, shapeOf }: GradientContext): (Value | null)[] {
  const group = node.attributes.int('group', 1);
  const [x, w] = [input(0), input(1)];
  const [small, large] = [shapeOf(x).slice(2), shapeOf(node.output).slice(2)];
  const given = windowOf(node, shapeOf(w).slice(2), large, small);
  const window = node.attributes.get('output_shape') ? withOutputShape(given, small, large) : given;
  const after = small.map(
    (count, axis) => (count - 1) * window.strides[axis] + window.extent[axis] - window.before[axis] - large[axis],
  );
  const ofInput = (): Value => {
    const fitting = cropped(b, upstream, window, after);
    return b.op('Conv', [fitting.value, w], shapeOf(x), {
      attributes: {
        group: intAttribute(group),
        strides: intsAttribute(window.strides),
        dilations: intsAttribute(window.dilations),
        pads: intsAttribute([...window.before, ...fitting.after]),
      },
    });
  };
  return [
    wants(0) ? ofInput() : null,
    wants(1) ? weightGradient(b, upstream, x, window, group, shapeOf(w)) : null,
    wants(2) ? channelSums(b, upstream) : null,
  ];
}

/** Conv takes no negative padding: where output_padding made the output longer, the rest is cut off. */
function cropped(b: GraphBuilder, value: Value, window: Window, after: readonly number[]) {
  const none = [0, 0];
  const cut = after.map((length) => Math.min(0, length));
  return {
    value: b.pad(value, [...none, ...window.before.map(() => 0)], [...none, ...cut]),
    after: after.map((length) => Math.max(0, length)),
  };
}

function withOutputShape(window: Window, small: Shape, large: Shape): Window {
  const before = small.map((count, axis) => {
    const total = (count - 1) * window.strides[axis] + window.extent[axis] - large[axis];
    return Math.max(0, Math.floor(total / 2));
  });
  return { ...window, before };
}

function channelSums(b: GraphBuilder, gradient: Value): Value {
  const axes = b.shapeOf(gradient).flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  return b.reduce('ReduceSum', gradient, axes);
}

/** Conv of the gradient, with zeros between its elements where the stride was more than 1, and the kernel flipped and transposed. */
function inputGradient(
  b: GraphBuilder,
  gradient: Value,
  weights: Value,
  { kernel, strides, dilations, before, extent }: Window,
  group: number,
  shape: Shape,
): Value {
  const spatial = shape.slice(2);
  const [outputs, inputsPerGroup] = b.shapeOf(weights);
  const split = b.reshape(
    b.flip(
      weights,
      kernel.map((_, axis) => axis + 2),
    ),
    [group, outputs / group, inputsPerGroup, ...kernel],
  );
  const order = [0, 2, 1, ...kernel.map((_, axis) => axis + 3)];
  const flipped = b.reshape(b.transpose(split, order), [group * inputsPerGroup, outputs / group, ...kernel]);
  const spread = spreadOut(b, gradient, strides);
  const lengths = b.shapeOf(spread).slice(2);
  const left = extent.map((length, axis) => length - 1 - before[axis]);
  const right = spatial.map((dim, axis) => dim - lengths[axis] - left[axis] + extent[axis] - 1);
  const cut = (pads: readonly number[]): number[] => [0, 0, ...pads.map((pad) => Math.min(0, pad))];
  const kept = (pads: readonly number[]): number[] => pads.map((pad) => Math.max(0, pad));
  return b.op('Conv', [b.pad(spread, cut(left), cut(right)), flipped], shape, {
    attributes: {
      group: intAttribute(group),
      dilations: intsAttribute(dilations),
      pads: intsAttribute([...kept(left), ...kept(right)]),
    },
  });
}

/** stride − 1 zeros after each element of the spatial axes. */
function spreadOut(b: GraphBuilder, value: Value, strides: readonly number[]): Value {
  if (strides.every((stride) => stride === 1)) return value;
  const [n, c, ...spatial] = b.shapeOf(value);
  const split = b.reshape(value, [n, c, ...spatial.flatMap((dim) => [dim, 1])]);
  const none = b.shapeOf(split).map(() => 0);
  const more = [0, 0, ...strides.flatMap((stride) => [0, stride - 1])];
  return b.reshape(b.pad(split, none, more), [n, c, ...spatial.map((dim, axis) => dim * strides[axis])]);
}

/** Elements that a gathered input may have: beyond them, each kernel element is a product of its own. */
const mostGathered = 2 ** 26;
/** Below so many channels gathering rows is slower than slicing. */
const fewChannels = 8;

/** `x`: what the window moved over; `gradient`: of what came out, [n, group · outputs, ...]. Gives [outputs, inputs per group, ...kernel]. */
function weightGradient(
  b: GraphBuilder,
  x: Value,
  gradient: Value,
  window: Window,
  group: number,
  shape: Shape,
): Value {
  const [n, channels] = b.shapeOf(x);
  if (group === channels && group > 1) return depthwiseWeightGradient(b, x, gradient, window, shape);
  const places = sizeOf(b.shapeOf(gradient).slice(2));
  const gathered = n * channels * places * sizeOf(window.kernel);
  if (group === 1 && channels >= fewChannels && gathered <= mostGathered) {
    return gatheredWeightGradient(b, x, gradient, window, shape);
  }
  return slicedWeightGradient(b, x, gradient, window, group, shape);
}

/**
 * A depthwise Conv of the input by the gradient: channels of all examples beside each other, stride and dilation exchanged. Two to four times as fast as
 * a product for each kernel element.
 */
function depthwiseWeightGradient(
  b: GraphBuilder,
  x: Value,
  gradient: Value,
  { kernel, strides, dilations, before, extent }: Window,
  shape: Shape,
): Value {
  const [n, channels, ...spatial] = b.shapeOf(x);
  const [, outputs, ...out] = b.shapeOf(gradient);
  // As many zeros behind as let the gradient move over the kernel's elements, or what is too much cut off.
  const after = spatial.map((dim, axis) => (out[axis] - 1) * strides[axis] + extent[axis] - before[axis] - dim);
  const cut = [0, 0, ...after.map((length) => Math.min(0, length))];
  const image = b.pad(
    b.reshape(x, [1, n * channels, ...spatial]),
    cut.map(() => 0),
    cut,
  );
  const perExample = b.op('Conv', [image, b.reshape(gradient, [n * outputs, 1, ...out])], [1, n * outputs, ...kernel], {
    attributes: {
      group: intAttribute(n * channels),
      strides: intsAttribute(dilations),
      dilations: intsAttribute(strides),
      pads: intsAttribute([...before, ...after.map((length) => Math.max(0, length))]),
    },
  });
  return b.reshape(b.reduce('ReduceSum', b.reshape(perExample, [n, outputs, ...kernel]), [0]), shape);
}

/** One row of channels for each place and kernel element, gathered from the channels-last input with a row of zeros for the padding. */
function gatheredWeightGradient(b: GraphBuilder, x: Value, gradient: Value, window: Window, shape: Shape): Value {
  const [n, channels, ...spatial] = b.shapeOf(x);
  const [, outputs, ...out] = b.shapeOf(gradient);
  const [pixels, places, taps] = [spatial, out, window.kernel].map(sizeOf);
  const rows = b.transpose(b.reshape(x, [n, channels, pixels]), [0, 2, 1]);
  const indices = rowIndices(window, spatial, out);
  const inOrder = indices.length === pixels && indices.every((row, i) => row === i);
  const padded = indices.includes(pixels) ? b.concat([rows, b.filled([n, 1, channels], 0)], 1) : rows;
  const seen = inOrder
    ? rows
    : b.op('Gather', [padded, b.constant(int64Tensor([indices.length], indices))], [n, places * taps, channels], {
        attributes: { axis: intAttribute(1) },
      });
  const columns = b.reshape(seen, [n, places, taps * channels]);
  const product = b.matMul(b.reshape(gradient, [n, outputs, places]), columns);
  const sum = b.reshape(b.reduce('ReduceSum', product, [0]), [outputs, taps, channels]);
  return b.reshape(b.transpose(sum, [0, 2, 1]), shape);
}

/** For every place and kernel element the row it sees; the one after the last where that is padding. */
function rowIndices({ kernel, strides, dilations, before }: Window, spatial: Shape, out: Shape): number[] {
  const taps = [...positions(kernel)];
  const none = sizeOf(spatial);
  const rows: number[] = [];
  for (const place of positions(out)) {
    for (const tap of taps) {
      let row = 0;
      for (const [axis, dim] of spatial.entries()) {
        const at = place[axis] * strides[axis] + tap[axis] * dilations[axis] - before[axis];
        row = row < 0 || at < 0 || at >= dim ? -1 : row * dim + at;
      }
      rows.push(row < 0 ? none : row);
    }
  }
  return rows;
}

/** A slice of the padded input for each kernel element, multiplied by the gradient, group by group. */
function slicedWeightGradient(
  b: GraphBuilder,
  x: Value,
  gradient: Value,
  { kernel, strides, dilations, before, extent }: Window,
  group: number,
  shape: Shape,
): Value {
  const [n, channels, ...spatial] = b.shapeOf(x);
  const [, outputs, ...out] = b.shapeOf(gradient);
  const places = sizeOf(out);
  const after = spatial.map((dim, axis) =>
    Math.max(0, (out[axis] - 1) * strides[axis] + extent[axis] - before[axis] - dim),
  );
  const padded = b.pad(x, [0, 0, ...before], [0, 0, ...after]);
  const g = b.reshape(gradient, [n, group, outputs / group, places]);
  const axes = kernel.map((_, axis) => axis + 2);
  const parts = [...positions(kernel)].map((tap) => {
    const starts = tap.map((offset, axis) => offset * dilations[axis]);
    const ends = starts.map((start, axis) => start + (out[axis] - 1) * strides[axis] + 1);
    const seen = b.reshape(b.sliceAxes(padded, axes, starts, ends, strides), [n, group, channels / group, places]);
    const product = b.matMul(g, b.transposeLast(seen));
    return b.reshape(b.reduce('ReduceSum', product, [0]), [outputs, channels / group, 1]);
  });
  return b.reshape(b.concat(parts, 2), shape);
}
