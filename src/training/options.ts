// The options of training, one schema for passes, recipes and flags.
import { z } from 'zod';
import { dataOptions } from '../data/index.js';
import { trainingBackends } from './backend.js';
import { augmentations, parseAugmentations } from './examples/augment.js';
import { judges } from './losses/judge.js';
import { parseMapping } from './losses/layer-mapping.js';
import { lossNames, parseStages } from './losses/loss-weights.js';
import { renormalizations } from './weights/renormalization.js';

export const trainingOptions = {
  teacher: z.string().optional().describe('the model to learn from (default: the model before the first pass)'),
  data: z
    .string()
    .optional()
    .describe('what to train on: a folder of images, .npz, .tsv, .txt, a module, … (default: the calibration data)'),
  loss: z
    .string()
    .optional()
    .refine((text) => text === undefined || typeof parseStages(text) !== 'string', {
      message: `losses are written like logits:1,features:0.5, of ${lossNames.join(', ')}; stages like features:1@30%;logits:1`,
    })
    .describe(
      `weighted losses, of ${lossNames.join(', ')}; labels needs right answers in the data; stages one behind the other are parted by semicolons and given shares of the steps: features:1@30%;logits:1 (default: logits:1, with replay also labels; of heal logits:1,features:5 where both models have the same residual blocks, features:20 in networks of convolutions)`,
    ),
  mapping: z
    .string()
    .default('uniform')
    .refine((text) => parseMapping(text) !== null, {
      message: 'a mapping is uniform, last, or pairs like 1-2,2-4 (block of the student, block of the teacher)',
    })
    .describe(
      'blocks whose features, attention and relations are compared: spread evenly, the last ones, or pairs counted from 1 like 1-2,2-4',
    ),
  temperature: z.number().positive().default(4).describe('softens outputs of student and teacher for logits'),
  epochs: z.int().min(1).optional().describe('times through the data (default: 3, unless steps says otherwise)'),
  steps: z.int().min(1).optional().describe('steps of the optimizer, instead of epochs'),
  batch: z.int().min(1).default(64).describe('examples a step'),
  accumulate: z.int().min(1).default(1).describe('batches whose gradients make one step'),
  lr: z
    .number()
    .positive()
    .optional()
    .describe(
      'highest learning rate (default: 1e-3; of heal 5e-4 where maps of convolutions are compared, 1e-4 otherwise; of quantized models 5e-5 and 1e-5)',
    ),
  optimizer: z.enum(['adamw', 'adam', 'sgd']).default('adamw').describe('how weights follow gradients'),
  weightDecay: z.number().min(0).default(0).describe('decay of weights of two and more axes'),
  momentum: z.number().min(0).max(1).default(0.9).describe('of sgd'),
  schedule: z.enum(['cosine', 'linear', 'constant']).default('cosine').describe('learning rate after the warm-up'),
  warmup: z.number().min(0).max(1).default(0.05).describe('share of the steps until the highest learning rate'),
  clip: z.number().min(0).default(1).describe('longest gradient; longer ones are shortened to it; 0: never'),
  ema: z.number().min(0).max(0.99999).default(0).describe('keep a moving average of the weights with this decay'),
  augment: z
    .string()
    .default('auto')
    .refine((text) => parseAugmentations(text) !== null, {
      message: `augmentation is auto, none, or written like flip,crop, of ${augmentations.join(', ')}`,
    })
    .describe(
      'auto: flip and crop for images in colour, of heal mixup and cutmix too; vary images: flip, crop (shift by up to an eighth), cutout (a square of zeros), mixup and cutmix (pairs, not with labels); texts: mask (15 % of the tokens)',
    ),
  maskToken: z
    .int()
    .min(0)
    .optional()
    .describe('token id that mask writes (default: that of [MASK] or <mask> in the tokenizer)'),
  normalization: z
    .enum(renormalizations)
    .default('auto')
    .describe(
      'train convolutions behind batch normalization, which is folded into them at each check and at the end; auto: from random weights, in networks without normalization of their own, with batches of 16 and more',
    ),
  qat: z
    .enum(['none', 'int4', 'int8'])
    .default('none')
    .describe(
      'train weights of matrix products as quantize-weights stores them (compute nbits or dequantize, algorithm rtn)',
    ),
  qatBlockSize: z
    .literal([16, 32, 64, 128, 256])
    .default(32)
    .describe('neighbours that share a scale, as in quantize-weights'),
  ranges: z
    .enum(['learned', 'observed'])
    .default('learned')
    .describe(
      'of a quantized student: scales of weights and activations are trained with its integers (LSQ), or stay as calibration found them',
    ),
  integers: z
    .enum(['learned', 'kept'])
    .default('learned')
    .describe(
      'of a quantized student: integers of weights are trained straight through their rounding, or stay as they are, while scales, ranges, biases and what is float are trained',
    ),
  holdout: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.1)
    .describe('share of the examples (at most 512) that choose the best weights'),
  judge: z
    .enum(judges)
    .default('loss')
    .describe(
      'what held-out examples choose the best weights by, and when patience ends: the loss, the share of right answers, or that of answers that are the ones of the teacher',
    ),
  patience: z
    .int()
    .min(0)
    .default(0)
    .describe('stop after so many checks of held-out examples without anything better; 0: never'),
  replay: z
    .string()
    .optional()
    .describe(
      'older data, of the same kind, that is not to be forgotten: mixed in without its answers, kept by what the teacher says of it',
    ),
  keepKnowledge: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe("with replay: weight of the teacher's answers in the loss; right answers of the new data get the rest"),
  recompute: z
    .enum(['auto', 'always', 'never'])
    .default('auto')
    .describe(
      'compute values of the forward pass a second time for gradients instead of holding them (gradient checkpointing): a third more time; auto: where smaller batches alone do not fit into --max-memory',
    ),
  teacherCache: z.string().optional().describe('folder that keeps what the teacher computed, from run to run'),
  checkEvery: z.int().min(1).optional().describe('steps from one check to the next (default: ten in all)'),
  backend: z
    .enum(trainingBackends)
    .default('auto')
    .describe('what executes training graphs; auto: a GPU that TensorFlow.js can use here, else onnxruntime'),
  untrainable: z
    .enum(['skipped', 'refused'])
    .default('skipped')
    .describe(
      'a model that cannot be trained is left as it is, with the reason, or ends everything (as it does for dsopt heal and distill)',
    ),
  threads: z.int().min(1).default(2).describe('threads of the backend'),
  checkpoint: z.string().optional().describe('folder that keeps how far the training is'),
  resume: z.boolean().default(false).describe('go on from the checkpoint'),
  log: z.string().optional().describe('file that gets one line of JSON a step'),
  ...dataOptions.shape,
} as const;

export type TrainingOptions = z.output<z.ZodObject<typeof trainingOptions>>;
