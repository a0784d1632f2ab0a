import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';

export const unpackConstantsOptions = z.strictObject({
  ...selectionOptions,
  maxGrowth: z
    .number()
    .int()
    .nonnegative()
    .default(1024)
    .describe('most bytes that folding one node into its weight may add to the file'),
});
