// MatMulInteger and ConvInteger as products of the floats that their operands stand for, over the scale that the result is multiplied by afterwards. Gradients of
// rounding are straight-through (Bengio et al. 2013), and those of an integer are those of the number it stands for, as for DequantizeLinear.
import { type Node, stringAttribute, type Value } from '../../ir/index.js';
import type { GraphBuilder } from '../graph-builder.js';
import type { Expansion } from './index.js';

/** FLOAT (TensorProto.DataType). */
const float = 1;
/** What hands integers on as they are. */
const carriers = ['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'MaxPool', 'Slice'] as const;

export const matMulInteger: Expansion = (node, b) => {
  const operands = floatOperands(node, b);
  if (!operands) return null;
  const { left, right, scale } = operands;
  const product = b.op('MatMul', [left, right], b.shapeOf(node.output));
  return [scale ? b.div(product, scale) : product];
};

/** Padding is with the zero point, which stands for 0. */
export const convInteger: Expansion = (node, b) => {
  const operands = floatOperands(node, b);
  if (!operands) return null;
  const { left, right, scale } = operands;
  const attributes = { auto_pad: stringAttribute('NOTSET'), ...node.attributes.toObject() };
  const product = b.op('Conv', [left, right], b.shapeOf(node.output), { attributes });
  return [scale ? b.div(product, scale) : product];
};

interface FloatOperands {
  /** The number that the left integers stand for. */
  readonly left: Value;
  /** Integers of the weight, less their zero point. */
  readonly right: Value;
  /** Of the left ones; null where nothing says. */
  readonly scale: Value | null;
}

/** null where the result is used as integers, or zero points lie otherwise. */
function floatOperands(node: Node, b: GraphBuilder): FloatOperands | null {
  const [a, w, zeroA, zeroW] = [0, 1, 2, 3].map((index) => node.input(index));
  const ends = [...node.output.uses].every(
    ({ node: user }) => user.is('Cast') && user.attributes.int('to', float) === float,
  );
  if (!a || !w || !ends || node.output.isGraphOutput || (zeroA && !isScalar(b, zeroA))) return null;
  const scale = scaleOf(a);
  if (scale && !isScalar(b, scale)) return null;
  const right = centred(b, w, zeroW && alongChannels(node, b, w, zeroW));
  if (!scale) return { left: centred(b, a, zeroA && b.reshape(zeroA, [])), right, scale };
  const one = b.reshape(scale, []);
  const inputs = [a, one, ...(zeroA ? [b.reshape(zeroA, [])] : [])];
  return { left: b.op('DequantizeLinear', inputs, b.shapeOf(a)), right, scale: one };
}

function isScalar(b: GraphBuilder, value: Value): boolean {
  return b.shapeOf(value).every((length) => length === 1);
}

/** One zero point, or one for each column of a matrix or each kernel of a convolution. */
function alongChannels(node: Node, b: GraphBuilder, weight: Value, zeroPoint: Value): Value {
  const [channels = 1] = b.shapeOf(zeroPoint);
  if (!node.is('ConvInteger') || channels === 1) return zeroPoint;
  return b.reshape(
    zeroPoint,
    b.shapeOf(weight).map((_, axis) => (axis === 0 ? channels : 1)),
  );
}

function centred(b: GraphBuilder, integers: Value, zeroPoint: Value | null): Value {
  const numbers = b.cast(integers, 'float32');
  return zeroPoint ? b.sub(numbers, b.cast(zeroPoint, 'float32')) : numbers;
}

/** The scale by which `value` was quantized. */
function scaleOf(value: Value): Value | null {
  const { producer } = value;
  if (producer?.is('DynamicQuantizeLinear')) return producer.outputs[0] === value ? producer.outputs[1] : null;
  if (producer?.is('QuantizeLinear')) return producer.input(1);
  return producer?.is(...carriers) && producer.input(0) ? scaleOf(producer.input(0)!) : null;
}
