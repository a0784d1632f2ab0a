// W·x + c, then a·y + b: W' = a·W per output channel, c' = a·c + b.
import type { Node } from '../../src/ir/index.js';
import type { Affine } from './affine.js';
import { linearWeightsOf, replaceLinearWeights } from './linear-weights.js';
import { scaleChannels } from './scale-channels.js';

/** Returns null when the node is gone, or the reason why it stays. */
export function fuseIntoPreceding(node: Node, { factor, offset }: Affine): string | null {
  const linear = node.input(0)?.producer;
  if (!linear?.is('Conv', 'ConvTranspose', 'Gemm', 'MatMul')) return 'no linear operator comes before it';
  if (linear.graph !== node.graph) return `${linear.opType} before it is in another graph`;
  if (linear.output.uses.size > 1 || linear.output.isGraphOutput)
    return `the output of ${linear.opType} is used elsewhere too`;
  const weights = linearWeightsOf(linear);
  if (typeof weights === 'string') return weights;
  if (weights.outputChannels !== factor.length)
    return `${linear.opType} has ${weights.outputChannels} output channels, not ${factor.length}`;
  const tensor = scaleChannels(weights.tensor, factor, weights.rowAxes, weights.outputChannelOf);
  const bias = weights.bias.map((value, channel) => value * factor[channel] + offset[channel]);
  const result = replaceLinearWeights(linear, weights, tensor, bias);
  node.output.replaceAllUsesWith(result);
  node.graph!.remove(node);
  return null;
}
