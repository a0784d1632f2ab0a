// W·x + c, then a·y + b: W' = a·W per output channel, c' = a·c + b.
import type { Model, Node } from '../../src/ir/index.js';
import { dropUnused } from '../../src/rewrite/index.js';
import type { Affine } from './affine.js';
import type { LinearOperator } from './linear-operator.js';
import { replaceWeights } from './replace-weights.js';
import { scaleChannels } from './scale-channels.js';

/** Why `node` cannot be fused into the operator that computes its input; null when it can. */
export function whyNotPreceding(node: Node, linear: LinearOperator, { factor }: Affine): string | null {
  if (linear.node.graph !== node.graph) return `${linear.node.opType} before it is in another graph`;
  if (linear.output.uses.size > 1 || linear.output.isGraphOutput) {
    return `the output of ${linear.node.opType} is used elsewhere too`;
  }
  if (linear.outputChannels === factor.length) return null;
  return `${linear.node.opType} has ${linear.outputChannels} output channels, not ${factor.length}`;
}

/** Does it; see `whyNotPreceding`. */
export function fuseIntoPreceding(model: Model, node: Node, linear: LinearOperator, { factor, offset }: Affine): void {
  const tensor = scaleChannels(linear.tensor, factor, linear.outputChannelOf);
  const bias = linear.bias.map((value, channel) => value * factor[channel] + offset[channel]);
  const { graph } = node;
  const parameters = new Set(node.inputs);
  const result = replaceWeights(model, linear, tensor, bias);
  node.output.replaceAllUsesWith(result);
  graph?.remove(node);
  if (graph) dropUnused(model, graph, parameters);
}
