// What is re-estimated where weights are not: the bias of an operator, so that the means of its outputs are the original's again, and the mean and
// variance of a BatchNormalization, so that what it normalizes comes out with the mean and variance that it had.
import { type LinearOperator, readBias, readRows } from '../../analysis/index.js';
import type { Model, Node, Value } from '../../ir/index.js';
import { castTensor, float32Tensor, type Tensor } from '../../tensor/index.js';
import { ChannelMoments } from './channel-moments.js';
import type { Lockstep } from './lockstep.js';
import { replaceRows } from './replace-rows.js';

/** Shifts the bias of `operator`; false where it has none of its own. `channels`: of the reference, see `RefitTarget`. */
export async function restoreBias(
  lockstep: Lockstep,
  operator: LinearOperator,
  channels: readonly number[] | null,
): Promise<boolean> {
  const { model, expected } = lockstep;
  const before = operator.biasSlot && readBias(operator, model);
  const there = expected.get(operator.output.name);
  if (!before || !operator.ownsWeight || !there?.producer) return false;
  const axis = operator.kind === 'matrix' ? -1 : 1;
  const moments = await observe(lockstep, operator.node, operator.output, there, axis);
  const [own, original] = moments.map(({ means }) => means);
  if (own.length !== before.length || (channels?.length ?? original.length) !== own.length) return false;
  const bias = before.map((value, at) => value + original[channels?.[at] ?? at] - own[at]);
  replaceRows(model, operator, readRows(operator), bias);
  return true;
}

/** Why the statistics of `node`, a BatchNormalization, stay; null when they were re-estimated. */
export async function restoreNormalization(
  lockstep: Lockstep,
  node: Node,
  channels: readonly number[] | null,
): Promise<string | null> {
  const { model, expected } = lockstep;
  const there = expected.get(node.output.name)?.producer;
  const [input, before] = [node.input(0), there?.input(0)];
  const [mean, variance] = [3, 4].map((index) => model.constantOf(node.input(index)));
  if (!there?.is('BatchNormalization') || !input?.producer || !before?.producer) return 'it is not in the original';
  if (!mean || !variance) return 'its statistics are computed';
  const [own, original] = await observe(lockstep, node, input, before, 1);
  if (own.means.length !== mean.size || (channels?.length ?? original.means.length) !== mean.size) {
    return 'its own channels are fewer than the original has';
  }
  const epsilon = node.attributes.float('epsilon', 1e-5);
  const [means, variances] = [mean.readFloat32().slice(), variance.readFloat32().slice()];
  for (let channel = 0; channel < means.length; channel++) {
    const from = channels?.[channel] ?? channel;
    // A channel that never changes says nothing of its scale.
    if (!(original.variances[from] > 1e-12) || !(own.variances[channel] > 1e-12)) continue;
    const ratio = own.variances[channel] / original.variances[from];
    means[channel] = own.means[channel] - (original.means[from] - means[channel]) * Math.sqrt(ratio);
    variances[channel] = Math.max((variances[channel] + epsilon) * ratio - epsilon, 0);
  }
  setStatistic(model, node, 3, mean, means);
  setStatistic(model, node, 4, variance, variances);
  return null;
}

function setStatistic(
  { graph }: Model,
  node: Node,
  index: number,
  { shape, dataType }: Tensor,
  values: Float32Array,
): void {
  const old = node.input(index)!;
  const tensor = castTensor(float32Tensor(shape, values), dataType);
  if (old.uses.size === 1 && graph.initializers.has(old) && !old.isGraphOutput) old.constant = tensor;
  else node.replaceInput(index, graph.addInitializer(`${old.name}_restored`, tensor));
}

/** Means and variances of the channels of a value of the model, and of one of the reference. */
async function observe(
  lockstep: Lockstep,
  node: Node,
  own: Value,
  original: Value,
  axis: number,
): Promise<[ChannelMoments, ChannelMoments]> {
  let moments: [ChannelMoments, ChannelMoments] = [new ChannelMoments(axis), new ChannelMoments(axis)];
  await lockstep.visit(node, [own], [original], () => {
    moments = [new ChannelMoments(axis), new ChannelMoments(axis)];
    return (here, before) => {
      moments[0].add(here.get(own)!);
      moments[1].add(before.get(original)!);
    };
  });
  return moments;
}
