// BatchNormalization as an affine map per channel: y = factor·x + offset.
import type { Node } from '../../src/ir/index.js';

export interface Affine {
  readonly factor: Float64Array;
  readonly offset: Float64Array;
}

/** The map in float64, or the reason why the node is none: factor = scale / √(var + ε), offset = bias − mean·factor. */
export function affineOf(node: Node): Affine | string {
  if (node.attributes.int('training_mode', 0) !== 0) return 'it is in training mode';
  // Before opset 9, spatial = 0 keeps statistics per element.
  if (node.attributes.int('spatial', 1) === 0) return 'its statistics are per element, not per channel';
  if (node.outputs.slice(1).some((output) => output?.isUsed)) return 'its running statistics are used';
  const parameters = [1, 2, 3, 4].map((index) => node.input(index)?.constant ?? null);
  if (parameters.some((tensor) => tensor === null)) return 'its parameters are not constant';
  if (parameters.some((tensor) => !['float32', 'float16'].includes(tensor!.dataType)))
    return 'its parameters are not float32 or float16';
  const [scale, bias, mean, variance] = parameters.map((tensor) => tensor!.readFloat32());
  const epsilon = node.attributes.float('epsilon', 1e-5);
  const factor = Float64Array.from(scale, (value, channel) => value / Math.sqrt(variance[channel] + epsilon));
  const offset = Float64Array.from(bias, (value, channel) => value - mean[channel] * factor[channel]);
  if (![...factor, ...offset].every(Number.isFinite)) return 'its parameters are not finite';
  return { factor, offset };
}
