// After blocks were left out, what is left makes up for them: each weight that closes a residual branch, from the first gap on, is refitted so
// that the stream behind it is the original's. A gap behind which no weight stands (a first block) gets a scale and a shift of each channel.
import type { Gap } from '../../analysis/index.js';
import type { Model, Node, Value } from '../../ir/index.js';
import type { PassContext } from '../../pass/index.js';
import { valuesByName } from '../../rewrite/index.js';
import { float32Tensor } from '../../tensor/index.js';
import { ChannelRegression, channelAxis } from '../repair/channel-regression.js';
import type { RefitTarget } from '../repair/observe-targets.js';
import { referenceFor } from '../repair/reference.js';
import { refit } from '../repair/refit.js';
import { residualSumOf } from '../repair/shortcut.js';

/** `before`: the model with its blocks. Returns how many operators were refitted. */
export async function repairGaps(
  model: Model,
  before: Model,
  gaps: readonly Gap[],
  context: PassContext,
): Promise<number> {
  const names = new Set(gaps.map(({ value }) => value.name));
  const targets = new Map<Node, RefitTarget>();
  const closed = new Set<Value>();
  for (const node of model.graph.nodes()) {
    const sum = residualSumOf(node, model);
    if (!sum) continue;
    if (names.has(sum.name) || targets.size > 0) targets.set(node, { node, channels: null });
    closed.add(sum);
  }
  const reference = referenceFor(before, targets, context.prepared);
  for (const gap of gaps) if (!closed.has(gap.value)) await bridge(model, reference, gap, context);
  return refit(model, reference, targets, context);
}

/** Puts a scale and a shift of every channel in the place of the blocks. */
async function bridge(model: Model, reference: Model, gap: Gap, context: PassContext): Promise<void> {
  const expected = valuesByName(reference.graph).get(gap.name);
  const { value, uses } = gap;
  if (!expected?.producer || uses.length === 0) return;
  const regression = new ChannelRegression();
  let rank = 0;
  await context.sweep(
    [
      { model, values: [value] },
      { model: reference, values: [expected] },
    ],
    ([own, original]) => {
      const [input, target] = [own.get(value)!, original.get(expected)!];
      rank = input.shape.length;
      regression.add(input.readFloat32(), target.readFloat32(), input.shape);
    },
  );
  const { scale, shift } = regression.solve();
  const shape = [scale.length, ...new Array<number>(rank - 1 - channelAxis(rank)).fill(1)];
  const { graph } = model;
  const weights = [scale, shift].map((values, at) =>
    graph.addInitializer(`${gap.name}_${at === 0 ? 'scale' : 'shift'}`, float32Tensor(shape, values)),
  );
  const first = uses.map(({ node }) => node).reduce((a, b) => (isBefore(a, b, model) ? a : b));
  const scaled = graph.insertBefore(first, { opType: 'Mul', inputs: [value, weights[0]] });
  const shifted = graph.insertBefore(first, { opType: 'Add', inputs: [scaled.output, weights[1]] });
  for (const { node, index } of uses) node.replaceInput(index, shifted.output);
  if (value.producer && value.name === gap.name) {
    value.rename(graph.scope.uniqueName(`${gap.name}_unscaled`));
    shifted.output.rename(gap.name);
  }
  context.record.changed(scaled, `scales and shifts ${scale.length} channels in the place of what was left out`);
}

function isBefore(a: Node, b: Node, { graph }: Model): boolean {
  for (const node of graph.nodes()) if (node === a || node === b) return node === a;
  return false;
}
