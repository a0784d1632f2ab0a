// Gradients of pooling: MaxPool scatters to the indices it took; AveragePool spreads evenly over each window.
import { intAttribute, intsAttribute, stringAttribute, type Value } from '../../ir/index.js';
import { sizeOf } from '../../tensor/index.js';
import type { GradientContext, RuleTable } from '../rule.js';
import { windowOf } from './window.js';

export const poolingRules: RuleTable = {
  MaxPool: {
    obstacle: ({ node }) => {
      if (!node.outputs[1]) return 'its indices are left out';
      return node.attributes.int('storage_order', 0) === 0 ? null : 'its indices are in column-major order';
    },
    gradients: ({ builder: b, node, upstream, input, shapeOf }) => {
      const shape = shapeOf(input(0));
      const size = [sizeOf(shape)];
      const count = [sizeOf(shapeOf(node.output))];
      const flat = b.op(
        'ScatterElements',
        [b.filled(size, 0), b.reshape(node.outputs[1]!, count), b.reshape(upstream, count)],
        size,
        { attributes: { reduction: stringAttribute('add') } },
      );
      return [b.reshape(flat, shape)];
    },
  },
  AveragePool: { gradients: averageGradients },
};

/** The gradient over the number of elements of each window, laid over the input by a ConvTranspose with ones, channel by channel. */
function averageGradients({ builder: b, node, upstream, input, shapeOf }: GradientContext): Value[] {
  const shape = shapeOf(input(0));
  const spatial = shape.slice(2);
  const out = shapeOf(node.output).slice(2);
  const { kernel, strides, dilations, extent, before } = windowOf(
    node,
    node.attributes.ints('kernel_shape')!,
    spatial,
    out,
  );
  const whole = out.map((count, axis) => (count - 1) * strides[axis] + extent[axis]);
  // How far the last window reaches beyond the input; what the input has beyond that no window sees.
  const after = whole.map((length, axis) => length - before[axis] - spatial[axis]);
  const ones = b.filled([1, 1, ...kernel], 1);
  const counted = (): Value => {
    if (node.attributes.int('count_include_pad', 0) === 1 && node.attributes.int('ceil_mode', 0) === 0) {
      return b.scalar(sizeOf(kernel));
    }
    const pads = [...before, ...after.map((length) => Math.max(0, length))];
    return b.op('Conv', [b.filled([1, 1, ...spatial], 1), ones], [1, 1, ...out], {
      attributes: { strides: intsAttribute(strides), dilations: intsAttribute(dilations), pads: intsAttribute(pads) },
    });
  };
  const planes = b.reshape(upstream, [shape[0] * shape[1], 1, ...out]);
  const laid = b.op('ConvTranspose', [b.div(planes, counted()), ones], [shape[0] * shape[1], 1, ...whole], {
    attributes: { strides: intsAttribute(strides), dilations: intsAttribute(dilations), group: intAttribute(1) },
  });
  const fitted = b.pad(
    laid,
    [0, 0, ...before.map((length) => (length === 0 ? 0 : -length))],
    [0, 0, ...after.map((length) => (length === 0 ? 0 : -length))],
  );
  return [b.reshape(fitted, shape)];
}
