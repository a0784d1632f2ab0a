// Options of prune-weights.
import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';

export const options = z.strictObject({
  ratio: z.number().gt(0).lt(1).default(0.5).describe('share of the weights that becomes zero; with a pattern its own'),
  pattern: z
    .string()
    .regex(/^\d+:\d+$/, 'a pattern is written like 2:4')
    .optional()
    .describe('N:M: of every M weights in a row of a matrix at most N stay, like 2:4'),
  importance: z
    .enum(['auto', 'magnitude', 'l1', 'l2', 'wanda', 'sparsegpt'])
    .default('auto')
    .describe(
      'which weights go; auto: sparsegpt with samples, else magnitude, which is l2; l1 and l2 name the norm of the filter',
    ),
  normalize: z
    .enum(['filter', 'none'])
    .default('filter')
    .describe(
      'divide magnitudes by the norm of their filter: with folded BatchNormalization filters have scales of their own',
    ),
  scope: z
    .enum(['auto', 'global', 'local', 'sensitivity'])
    .default('auto')
    .describe(
      'one threshold for all weights, the same share of each, or (with samples) less where outputs move more; auto: global among convolutions, local for matrices',
    ),
  initialRatio: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe('gradually: the share that goes first; the others follow in steps, each fitted before the next'),
  steps: z.number().int().min(2).max(20).default(3).describe('how many steps lead from initialRatio to ratio'),
  reconstruct: z
    .boolean()
    .default(true)
    .describe('with samples, refit the weights that are left so that outputs match the original'),
  ...selectionOptions,
});

export type Options = z.output<typeof options>;
