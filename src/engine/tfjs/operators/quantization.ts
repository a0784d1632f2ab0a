// QuantizeLinear and DequantizeLinear per tensor or channel, on numbers that are held as they are, not packed.
import { unsupportedModel } from '../../../errors.js';
import type { TfTensor } from '../backend.js';
import { type OperatorContext, type OperatorTable, resolveAxis } from '../operator.js';

export const quantizationOperators: OperatorTable = {
  QuantizeLinear: (context) => {
    const { tf, input, inputs, node } = context;
    const x = input(0);
    const quotient = tf.round(tf.div(x, alongAxis(context, input(1))));
    const zero = inputs[2] ? tf.cast(alongAxis(context, inputs[2]), 'float32') : tf.scalar(0);
    const [low, high] = rangeOf(node.input(2)?.constant?.dataType ?? 'uint8');
    return tf.cast(tf.clipByValue(tf.add(quotient, zero), low, high), 'int32');
  },
  DequantizeLinear: (context) => {
    const { tf, input, inputs } = context;
    const x = tf.cast(input(0), 'float32');
    const centred = inputs[2] ? tf.sub(x, tf.cast(alongAxis(context, inputs[2]), 'float32')) : x;
    return tf.mul(centred, alongAxis(context, input(1)));
  },
};

/** A parameter of one value a channel lies along the axis of its operator. */
function alongAxis({ tf, input, node }: OperatorContext, parameter: TfTensor): TfTensor {
  if (parameter.size === 1) return tf.reshape(parameter, []);
  const { rank } = input(0);
  if (parameter.rank !== 1) throw unsupportedModel(`${node.opType} in blocks is not known to tfjs`);
  const axis = resolveAxis(node.attributes.int('axis', 1), rank);
  return tf.reshape(
    parameter,
    Array.from({ length: rank }, (_, index) => (index === axis ? -1 : 1)),
  );
}

function rangeOf(dataType: string): readonly [number, number] {
  const bits = Number(/\d+$/.exec(dataType)?.[0] ?? 8);
  return dataType.startsWith('u') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}
