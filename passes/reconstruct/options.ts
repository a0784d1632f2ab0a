// Options of reconstruct.
import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';

export const options = z.strictObject({
  reference: z
    .string()
    .optional()
    .describe('the model whose outputs are wanted (default: the model before the first pass that changes results)'),
  ...selectionOptions,
});
