// Healing: a compressed model is trained for a short time to give the outputs of its original again (knowledge distillation, Hinton et al. 2015).
// No right answers are needed.
import { findResidualSums } from '../../src/analysis/index.js';
import { DsoptError } from '../../src/errors.js';
import type { Model } from '../../src/ir/index.js';
import { definePass, type PassContext } from '../../src/pass/index.js';
import { examplesFor, locateTrainingOptions, openTeacher, reasonOf, trainInPass } from '../../src/training/index.js';
import { options } from './options.js';

/** How a model is healed where the options do not say. */
interface Defaults {
  /** undefined: that of training. */
  readonly loss?: string;
  readonly rate: number;
}

/** Gentler than for a student that still has everything to learn. */
const gentle: Defaults = { rate: 1e-4 };
/** What lies between tells more than few answers: compared where residual blocks of both models stand beside each other. */
const ofBlocks: Defaults = { loss: 'logits:1,features:5', rate: 1e-4 };
/** Maps of convolutional networks hold whole images: they carry more weight, and bear a higher rate. */
const ofMaps: Defaults = { loss: 'logits:1,features:20', rate: 5e-4 };
/** Rates for integers, which start next to where they end. */
const quantizedRates = { maps: 5e-5, others: 1e-5 } as const;

async function defaultsFor(model: Model, teacher: Model, { engine }: PassContext): Promise<Defaults> {
  const shapes: string[] = [];
  let maps = false;
  for (const each of [model, teacher]) {
    const sums = findResidualSums(each.graph).map(({ output }) => output);
    const types = sums.length > 0 ? await engine.inferTypes(each) : null;
    const own = sums.map((sum) => types?.get(sum)?.shape?.slice(1));
    maps = own.length > 0 && own.every((shape) => shape?.length === 3);
    shapes.push(own.map((shape) => shape?.join('x')).join());
  }
  const beside = shapes[0] !== '' && shapes[0] === shapes[1];
  const defaults = beside ? (maps ? ofMaps : ofBlocks) : gentle;
  if (!isQuantized(model)) return defaults;
  return { ...defaults, rate: beside && maps ? quantizedRates.maps : quantizedRates.others };
}

function isQuantized({ graph }: Model): boolean {
  return [...graph.nodes()].some(
    (node) => node.is('QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear') || node.opType === 'MatMulNBits',
  );
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
      const defaults = options.replay === undefined ? await defaultsFor(model, teacher, context) : gentle;
      const loss = options.loss ?? defaults.loss;
      await trainInPass(model, { ...options, loss }, context, {
        teacher,
        examples,
        rate: defaults.rate,
        mix: true,
        seed,
      });
    } catch (cause) {
      // Compression stands without it.
      if (options.untrainable === 'refused' || !(cause instanceof DsoptError) || cause.code !== 'MODEL_UNSUPPORTED')
        throw cause;
      context.record.skipped('the model', reasonOf(cause));
    }
  },
});
