// Options of prune-vocabulary.
import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';

export const options = z.strictObject({
  ratio: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe('share of the words that goes, the rarest first (default: those that the data does not use)'),
  targetBytes: z.number().int().positive().optional().describe('bytes that the model may have'),
  minCount: z.int().min(1).default(1).describe('words that the data uses less often go, where no target is given'),
  tokenizer: z.string().optional().describe('tokenizer.json whose special tokens stay'),
  ...selectionOptions,
});

export type Options = z.output<typeof options>;
