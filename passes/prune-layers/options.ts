// Options of prune-layers.
import { z } from 'zod';
import { partOption, selectionOptions } from '../../src/pass/index.js';

export const options = z.strictObject({
  ratio: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe('share of the residual blocks that goes (default: 0.2 where no target is given)'),
  targetMacs: partOption.optional().describe('share of the multiply-accumulates that may stay, such as 50%'),
  targetBytes: z.number().int().positive().optional().describe('bytes that the model may have'),
  importance: z
    .enum(['auto', 'output-error', 'block-influence', 'taylor', 'fisher'])
    .default('auto')
    .describe('what makes a block matter; auto: output-error, how far outputs move without it'),
  reconstruct: z
    .boolean()
    .default(true)
    .describe('with samples, refit the weights that take what is left so that outputs match the original'),
  ...selectionOptions,
});

export type Options = z.output<typeof options>;
