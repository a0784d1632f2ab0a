// Options of smoothquant.
import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';

export const options = z.strictObject({
  alphas: z
    .array(z.number().min(0).max(1))
    .min(1)
    .default([0.25, 0.4, 0.5, 0.6, 0.75, 0.9])
    .describe('shares of the range that go from activations to weights; the best is kept for each input'),
  ...selectionOptions,
});
