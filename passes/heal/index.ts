// Healing: a compressed model is trained for a short time to give the outputs of its original again (knowledge distillation, Hinton et al. 2015).
// No right answers are needed.
import { findResidualSums } from '../../src/analysis/index.js';
import { DsoptError } from '../../src/errors.js';
import type { Model } from '../../src/ir/index.js';
import { definePass, type PassContext } from '../../src/pass/index.js';
import { examplesFor, locateTrainingOptions, openTeacher, trainInPass } from '../../src/training/index.js';
import { options } from './options.js';

/** Gentler than for a student that still has everything to learn. */
const defaultRate = 1e-4;
/** What is compared where residual blocks of both models stand beside each other: what lies between tells more than few answers. */
const lossOfBlocks = 'logits:1,features:5';

/** undefined: that of training. */
async function defaultLoss(model: Model, teacher: Model, { engine }: PassContext): Promise<string | undefined> {
  const widths: string[] = [];
  for (const each of [model, teacher]) {
    const sums = findResidualSums(each.graph).map(({ output }) => output);
    if (sums.length === 0) return undefined;
    const types = await engine.inferTypes(each);
    widths.push(sums.map((sum) => types.get(sum)?.shape?.slice(1).join('x')).join());
  }
  return widths[0] === widths[1] ? lossOfBlocks : undefined;
}

export const heal = definePass({
  name: 'heal',
  kind: 'finetune',
  summary: 'Trains a compressed model to give the outputs of its original again; needs data, but no answers.',
  options,
  needs: ['samples', 'training'],
  locate: locateTrainingOptions,
  async run(model, options, context) {
    const seed = context.random().int(2 ** 31);
    try {
      const teacher = await openTeacher(options, context);
      const examples = await examplesFor(model, options, context, seed);
      const loss =
        options.loss ?? (options.replay === undefined ? await defaultLoss(model, teacher, context) : undefined);
      await trainInPass(model, { ...options, loss }, context, { teacher, examples, rate: defaultRate, seed });
    } catch (cause) {
      // Compression stands without it.
      if (!(cause instanceof DsoptError) || cause.code !== 'MODEL_UNSUPPORTED') throw cause;
      context.record.skipped('the model', cause.message);
    }
  },
});
