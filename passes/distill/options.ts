// Options of distillation: where the student comes from, and those of training.
import { z } from 'zod';
import { trainingOptions } from '../../src/training/index.js';

export const options = z.strictObject({
  student: z
    .string()
    .optional()
    .describe(
      'a file, layers:N to keep N of the residual blocks, or (on the command line) width:0.5 to keep half of the channels, heads and neurons (default: the model as the passes before left it)',
    ),
  initialize: z
    .enum(['kept', 'random'])
    .default('kept')
    .describe('begin with the weights of the student, or with random ones'),
  ...trainingOptions,
});

export type Options = z.output<typeof options>;
