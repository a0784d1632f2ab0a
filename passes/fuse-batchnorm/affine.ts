// y = factor·x + offset, per channel: BatchNormalization in inference, and Mul, Div, Add, Sub with a constant.
import type { Model, Node, Value } from '../../src/ir/index.js';
import type { Tensor } from '../../src/tensor/index.js';

/** Both of one length: the number of channels. */
export interface Affine {
  readonly factor: Float64Array;
  readonly offset: Float64Array;
}

const readable: ReadonlySet<string> = new Set(['float32', 'float16']);

/** factor = scale / √(variance + ε), offset = bias − mean·factor, in float64; or the reason why the node is no such map. */
export function affineOfBatchNormalization(node: Node, model: Model): Affine | string {
  const { attributes } = node;
  // Training was the default before opset 7, went, and came back with opset 14.
  const training =
    model.opsetOf(node) < 7 ? attributes.int('is_test', 0) === 0 : attributes.int('training_mode', 0) !== 0;
  if (training) return 'it is in training mode';
  // Before opset 9, spatial = 0 keeps statistics per element.
  if (attributes.int('spatial', 1) === 0) return 'its statistics are per element, not per channel';
  if (node.outputs.slice(1).some((output) => output?.isUsed)) return 'its running statistics are used';
  const parameters = [1, 2, 3, 4].map((index) => model.constantOf(node.input(index)));
  const constant = parameters.filter((tensor) => tensor !== null);
  if (constant.length < parameters.length) return 'its parameters are not constant';
  if (!constant.every(({ dataType }) => readable.has(dataType))) return 'its parameters are not float32 or float16';
  const [scale, bias, mean, variance] = constant.map((tensor) => tensor.readFloat32());
  const epsilon = attributes.float('epsilon', 1e-5);
  const factor = Float64Array.from(scale, (value, channel) => value / Math.sqrt(variance[channel] + epsilon));
  const offset = Float64Array.from(bias, (value, channel) => value - mean[channel] * factor[channel]);
  return checkFinite({ factor, offset });
}

/** An arithmetic node as a map of one of its inputs. */
export interface ArithmeticMap {
  readonly input: Value;
  /** The map for values of `rank` axes (null: not known) with `channels` channels along `axis`; the reason when it is none. */
  affine(channels: number, axis: number, rank: number | null): Affine | string;
}

/** null for a node that does not combine a computed value with a constant. */
export function arithmeticMap(node: Node, model: Model): ArithmeticMap | null {
  const [a, b] = node.inputs;
  if (!a || !b || !node.is('Mul', 'Div', 'Add', 'Sub')) return null;
  const [tensorA, tensorB] = [model.constantOf(a), model.constantOf(b)];
  const tensor = tensorB ?? tensorA;
  if (!tensor || (tensorA && tensorB) || !readable.has(tensor.dataType) || model.opsetOf(node) < 7) return null;
  if (tensorA && node.is('Div')) return null;
  return {
    input: tensorB ? a : b,
    affine(channels, axis, rank) {
      const values = perChannel(tensor, channels, axis, rank);
      return values
        ? checkFinite(combine(node.opType, values, tensorA !== null))
        : 'its constant is not one per channel';
    },
  };
}

function combine(opType: string, values: Float64Array, constantFirst: boolean): Affine {
  const zeros = new Float64Array(values.length);
  const ones = new Float64Array(values.length).fill(1);
  switch (opType) {
    case 'Mul':
      return { factor: values, offset: zeros };
    case 'Div':
      return { factor: values.map((value) => 1 / value), offset: zeros };
    case 'Add':
      return { factor: ones, offset: values };
    default:
      return constantFirst
        ? { factor: ones.map((one) => -one), offset: values }
        : { factor: ones, offset: values.map((value) => -value) };
  }
}

/** One number for each channel, where broadcasting `tensor` to `rank` axes varies along `axis` only; null otherwise. */
function perChannel(tensor: Tensor, channels: number, axis: number, rank: number | null): Float64Array | null {
  const { shape, size } = tensor;
  // Of an unknown rank only the last axis can be told.
  const place = rank === null ? shape.length - 1 : axis - (rank - shape.length);
  if (shape.length > (rank ?? 1) || (size !== 1 && (size !== channels || shape[place] !== channels))) return null;
  const values = tensor.readFloat32();
  return Float64Array.from({ length: channels }, (_, channel) => values[size === 1 ? 0 : channel]);
}

function checkFinite(affine: Affine): Affine | string {
  return [...affine.factor, ...affine.offset].every(Number.isFinite) ? affine : 'its parameters are not finite';
}
