// a·x + b, then W·y + c: W' = W·a per input channel, c' = c + Σ W·b. Padding with zeros comes between the two, so only without it.
import type { Node } from '../../src/ir/index.js';
import type { Affine } from './affine.js';
import { type LinearWeights, linearWeightsOf, replaceLinearWeights } from './linear-weights.js';
import { scaleChannels } from './scale-channels.js';

/** Returns null when the node is gone, or the reason why it stays. */
export function fuseIntoFollowing(node: Node, { factor, offset }: Affine): string | null {
  const [use, ...others] = node.output.uses;
  if (!use || others.length > 0 || node.output.isGraphOutput)
    return 'its output has several users or is a graph output';
  const linear = use.node;
  if (use.index !== 0 || !linear.is('Conv', 'Gemm', 'MatMul')) return 'no linear operator follows it';
  if (linear.graph !== node.graph) return `${linear.opType} behind it is in another graph`;
  if (linear.is('Conv') && isPadded(linear)) return 'Conv behind it pads its input';
  const weights = linearWeightsOf(linear);
  if (typeof weights === 'string') return weights;
  if (weights.inputChannels !== factor.length)
    return `${linear.opType} has ${weights.inputChannels} input channels, not ${factor.length}`;
  const bias = addConstantInput(weights, offset);
  const tensor = scaleChannels(weights.tensor, factor, weights.rowAxes, weights.inputChannelOf);
  const old = linear.output;
  const users = [...old.uses];
  const wasOutput = old.isGraphOutput;
  if (weights.biasIndex === null && wasOutput) return 'MatMul behind it computes a graph output and cannot take a bias';
  linear.replaceInput(0, node.input(0));
  const result = replaceLinearWeights(linear, weights, tensor, bias);
  if (result !== old) for (const { node: user, index } of users) user.replaceInput(index, result);
  node.graph!.remove(node);
  return null;
}

function isPadded(conv: Node): boolean {
  const automatic = conv.attributes.string('auto_pad', 'NOTSET');
  return (
    (automatic !== 'NOTSET' && automatic !== 'VALID') || (conv.attributes.ints('pads') ?? []).some((pad) => pad !== 0)
  );
}

/** The bias plus what the operator answers to the constant input `offset` per channel. */
function addConstantInput(weights: LinearWeights, offset: Float64Array): Float64Array {
  const bias = weights.bias.slice();
  const values = weights.tensor.readFloat32();
  const rows = weights.tensor.shape.slice(0, weights.rowAxes).reduce((product, dim) => product * dim, 1);
  const inner = values.length / rows;
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let index = row * inner; index < (row + 1) * inner; index++) sum += values[index];
    bias[weights.outputChannelOf(row)] += sum * offset[weights.inputChannelOf(row)];
  }
  return bias;
}
