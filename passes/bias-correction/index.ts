// Bias correction (Nagel et al. 2019): the mean error that passes before made of what an operator computes is taken out of its bias, from the input on,
// so that each operator sees what the corrected ones before it give. The model as it was before those passes is what it is compared with.
import { Replay } from '../../src/calibration/index.js';
import { cloneWithNodes, type Model, type Value } from '../../src/ir/index.js';
import { definePass, type PassContext } from '../../src/pass/index.js';
import { type BiasSlot, biasSlotOf, readSlot, writeSlot } from './bias-slot.js';
import { MeanErrors } from './mean-errors.js';
import { options } from './options.js';

export const biasCorrection = definePass({
  name: 'bias-correction',
  kind: 'smooth',
  summary: 'Takes the mean error that passes before it made out of the biases, compared with the original on samples.',
  options,
  needs: ['samples', 'inference'],
  async run(model, _options, context) {
    const { prepared, record } = context;
    const originals = outputsByName(prepared);
    const planned: { readonly slot: BiasSlot; readonly original: Value }[] = [];
    for (const node of context.targets('Conv', 'Gemm', 'Add')) {
      const slot = node.graph === model.graph ? biasSlotOf(node, model) : null;
      if (!slot) continue;
      const original = originals.get(slot.output.name);
      if (original) planned.push({ slot, original });
      else record.skipped(node, 'the original computes nothing of this name');
    }
    if (planned.length === 0) return;
    await correct(model, planned, context);
  },
});

function outputsByName({ graph }: Model): Map<string, Value> {
  const values = new Map<string, Value>();
  for (const node of graph.nodes()) for (const output of node.outputs) if (output) values.set(output.name, output);
  return values;
}

async function correct(
  model: Model,
  planned: readonly { readonly slot: BiasSlot; readonly original: Value }[],
  { prepared, samples, engine, workers, signal, record, progress }: PassContext,
): Promise<void> {
  const options = { engine, threads: workers.jobs, signal };
  const { clone: copy, copyOf } = cloneWithNodes(prepared);
  const now = await Replay.start(model, samples!, options);
  const before = await Replay.start(copy, samples!, options);
  for (const [index, { slot, original }] of planned.entries()) {
    const producer = original.producer!;
    const node = copyOf(producer);
    const wanted = node.outputs[producer.outputs.indexOf(original)]!;
    const errors = new MeanErrors(slot.channels, slot.axis);
    const references = before.advance(node, [wanted]);
    try {
      for await (const current of now.advance(slot.node, [slot.output])) {
        errors.add(current.get(slot.output)!, (await references.next()).value!.get(wanted)!);
      }
      await references.next();
    } finally {
      await references.return(undefined);
    }
    progress(index + 1, planned.length);
    const correction = errors.correction();
    const percent = (100 * correction.left).toFixed(0);
    const verdict = { technique: 'bias corrected', kept: correction.left < 1, before: 1, after: correction.left };
    record.tried(slot.node, 'the output of the operator, relative to that without', verdict);
    if (correction.left >= 1)
      record.skipped(slot.node, `on samples that were held out ${percent} % of the squared error would be left`);
    else {
      const bias = readSlot(slot, model).map((value, channel) => value + correction.shift[channel]);
      writeSlot(slot, bias, model);
      record.changed(slot.node, `bias corrected: ${percent} % of the squared error is left`);
    }
  }
}
