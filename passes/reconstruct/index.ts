// Repairs a model after parts of it were removed, from the model it was made of: no labels, no training.
import { loadModel } from '../../src/onnx/index.js';
import { definePass } from '../../src/pass/index.js';
import { reconstructFrom } from '../../src/pruning/index.js';
import { options } from './options.js';

export const reconstruct = definePass({
  name: 'reconstruct',
  kind: 'finetune',
  summary: 'Refits what is left after pruning to the outputs of the original, by least squares.',
  options,
  needs: ['samples'],
  async run(model, { reference }, context) {
    const { record } = context;
    const original = reference === undefined ? context.prepared : await loadModel(reference);
    const { found, refitted } = await reconstructFrom(original, model, new Set(context.targets()), context);
    for (const node of refitted)
      record.changed(node, node.is('BatchNormalization') ? 'statistics re-estimated' : 'refitted');
    record.metric('refittedOperators', refitted.length);
    if (found === 0) record.skipped('the model', 'it lost nothing that could be refitted to the original');
  },
});
