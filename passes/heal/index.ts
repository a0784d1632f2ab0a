// Healing: a compressed model is trained for a short time to give the outputs of its original again (knowledge distillation, Hinton et al. 2015).
// No right answers are needed.
import { DsoptError } from '../../src/errors.js';
import { definePass } from '../../src/pass/index.js';
import { examplesFor, locateTrainingOptions, openTeacher, trainInPass } from '../../src/training/index.js';
import { options } from './options.js';

/** Gentler than for a student that still has everything to learn. */
const defaultRate = 5e-5;

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
      await trainInPass(model, options, context, { teacher, examples, rate: defaultRate, seed });
    } catch (cause) {
      // Compression stands without it.
      if (!(cause instanceof DsoptError) || cause.code !== 'MODEL_UNSUPPORTED') throw cause;
      context.record.skipped('the model', cause.message);
    }
  },
});
