// Options of adaround.
import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';

export const options = z.strictObject({
  bits: z.literal([8, 4]).default(4).describe('of each weight'),
  iterations: z.int().min(0).default(500).describe('steps for each operator; 0: GPTQ only'),
  clip: z
    .boolean()
    .optional()
    .describe(
      'cut off the largest weights of a channel where that lowers the error of its output (default: at 4 bits)',
    ),
  biasCorrection: z.boolean().default(true).describe('take the mean error that rounding makes out of the bias'),
  minimumSize: z.int().min(1).default(512).describe('leave weights with fewer elements in float'),
  operators: z
    .array(z.enum(['Conv', 'Gemm', 'MatMul']))
    .default(['Conv', 'Gemm', 'MatMul'])
    .describe('operators to work on'),
  ...selectionOptions,
});
