// com.microsoft::DynamicQuantizeLSTM as the LSTM of the floats that its weights stand for: its own rounding of inputs and states is left out, as if gradients went
// straight through (Bengio et al. 2013).
import type { Value } from '../../ir/index.js';
import type { Expansion } from './index.js';
import { expandLstm } from './recurrent.js';

/** W and R lie as [directions, inputs, 4 · hidden], their scales and zero points as [directions] or [directions, 4 · hidden]. */
export const dynamicQuantizeLstm: Expansion = (node, b) => {
  const decoded = (integers: number, scale: number, zeroPoint: number): Value => {
    const [directions] = b.shapeOf(node.inputs[integers]!);
    const along = (value: Value): Value => {
      const [, gates = 1] = b.shapeOf(value);
      return b.reshape(value, [directions, 1, gates]);
    };
    const numbers = b.cast(node.inputs[integers]!, 'float32');
    const zero = node.input(zeroPoint);
    const centred = zero ? b.sub(numbers, along(b.cast(zero, 'float32'))) : numbers;
    return b.transpose(b.mul(centred, along(node.inputs[scale]!)), [0, 2, 1]);
  };
  const [x, , , ...others] = node.inputs.slice(0, 8);
  const inputs = [x, decoded(1, 8, 9), decoded(2, 10, 11), ...others];
  const shapes = node.outputs.map((output) => output && b.shapeOf(output));
  const outputs = b.ops('LSTM', inputs, shapes, { attributes: node.attributes.toObject() });
  const lstm = outputs[0].producer!;
  const written = expandLstm(lstm, b);
  if (written) b.graph.remove(lstm);
  return written ?? lstm.outputs;
};
