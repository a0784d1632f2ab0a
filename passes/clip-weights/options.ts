// Options of clip-weights.
import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';

export const options = z.strictObject({
  bits: z.int().min(2).max(8).default(4).describe('that the weights will have'),
  minimumSize: z.int().min(1).default(512).describe('leave weights with fewer elements alone'),
  ...selectionOptions,
});
