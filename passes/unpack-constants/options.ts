// Options of unpack-constants.
import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';

export const unpackConstantsOptions = z.strictObject({
  ...selectionOptions,
  inputDefaults: z
    .enum(['auto', 'keep', 'fix'])
    .default('auto')
    .describe(
      'initializers listed among the inputs: fix them as weights, keep them replaceable, or fix them where all are listed',
    ),
  maxGrowth: z
    .number()
    .int()
    .nonnegative()
    .default(1024)
    .describe('most bytes that folding one node into its weight may add to the file'),
});
