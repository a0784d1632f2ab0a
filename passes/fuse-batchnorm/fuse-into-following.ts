// a·x + b, then W·y + c: W' = W·a per input channel, c' = c + Σ W·b. Padding with zeros comes between the two, so only without it.
import type { Model, Node, TensorType, Value } from '../../src/ir/index.js';
import { dropUnused } from '../../src/rewrite/index.js';
import type { Affine } from './affine.js';
import { type LinearOperator, linearAt, linearBefore } from './linear-operator.js';
import { replaceWeights } from './replace-weights.js';
import { scaleChannels } from './scale-channels.js';

/** The operator behind `node` that can take it in, or the reason why there is none. */
export function linearBehind(
  node: Node,
  { factor }: Affine,
  model: Model,
  typeOf: (value: Value) => TensorType | null,
): LinearOperator | string {
  const [use, ...others] = node.output.uses;
  if (!use || others.length > 0 || node.output.isGraphOutput)
    return 'its output has several users or is a graph output';
  const { node: next } = use;
  if (use.index !== 0 || !next.is('Conv', 'Gemm', 'MatMul')) return 'no linear operator follows it';
  if (next.graph !== node.graph) return `${next.opType} behind it is in another graph`;
  if (next.is('Conv') && isPadded(next)) return 'Conv behind it pads its input';
  if (next.is('Gemm') && next.attributes.int('transA', 0) !== 0) return 'Gemm behind it transposes its input';
  if (next.is('MatMul') && typeOf(node.output)?.shape?.length !== 2)
    return 'the input of MatMul is not known to have 2 axes';
  const linear = withBias(next, model);
  if (linear === null) return 'no linear operator follows it';
  if (typeof linear === 'string') return linear;
  if (linear.inputChannels !== factor.length) {
    return `${next.opType} has ${linear.inputChannels} input channels, not ${factor.length}`;
  }
  return linear.biasSlot === null && linear.output.isGraphOutput
    ? 'MatMul behind it has no bias and names a graph output'
    : linear;
}

/** Does it; see `linearBehind`. */
export function fuseIntoFollowing(model: Model, node: Node, linear: LinearOperator, { factor, offset }: Affine): void {
  const { graph } = node;
  const parameters = new Set(node.inputs);
  const users = [...linear.output.uses];
  const tensor = scaleChannels(linear.tensor, factor, linear.inputChannelOf);
  const result = replaceWeights(model, linear, tensor, addConstantInput(linear, offset));
  if (result !== linear.output) for (const { node: user, index } of users) user.replaceInput(index, result);
  linear.node.replaceInput(0, node.input(0));
  graph?.remove(node);
  if (graph) dropUnused(model, graph, parameters);
}

/** A MatMul together with the Add of its bias, where there is one. */
function withBias(node: Node, model: Model): LinearOperator | string | null {
  const [use, ...others] = node.output.uses;
  if (node.is('MatMul') && use?.node.is('Add') && others.length === 0) {
    const withAdd = linearBefore(use.node.output, model);
    if (withAdd !== null && typeof withAdd !== 'string' && withAdd.node === node) return withAdd;
  }
  return linearAt(node, model);
}

function isPadded(conv: Node): boolean {
  const automatic = conv.attributes.string('auto_pad', 'NOTSET');
  return (
    (automatic !== 'NOTSET' && automatic !== 'VALID') || (conv.attributes.ints('pads') ?? []).some((pad) => pad !== 0)
  );
}

/** The bias plus what the operator answers to the constant input `offset` per channel. */
function addConstantInput(linear: LinearOperator, offset: Float64Array): Float64Array {
  const bias = linear.bias.slice();
  const values = linear.tensor.readFloat32();
  const [first, second] = linear.tensor.shape;
  const inner = values.length / (first * second);
  for (let row = 0; row < first * second; row++) {
    let sum = 0;
    for (let index = row * inner; index < (row + 1) * inner; index++) sum += values[index];
    bias[linear.outputChannelOf(row)] += linear.alpha * sum * offset[linear.inputChannelOf(row)];
  }
  return bias;
}
