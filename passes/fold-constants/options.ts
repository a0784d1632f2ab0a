// Options of fold-constants.
import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';

export const foldConstantsOptions = z.strictObject({
  ...selectionOptions,
  maxGrowth: z
    .number()
    .int()
    .nonnegative()
    .default(4096)
    .describe('most bytes that computing one value ahead may add to the file'),
  followTargets: z
    .boolean()
    .default(false)
    .describe(
      'also lengths that only targets of Reshape and Expand tell: types are inferred in rounds, which takes longer',
    ),
});
