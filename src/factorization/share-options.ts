// The options of sharing bases.
import { z } from 'zod';
import { factorizationOptions } from './options.js';

const { targetParams, weighting, refit, rankMultiple, minimumSize, checkSpeed, include, exclude } =
  factorizationOptions;

export const sharingSchema = z.strictObject({
  targetParams: targetParams
    .unwrap()
    .default('70%')
    .describe('parameters to keep of all selected operators together, such as 70%'),
  blocks: z.int().min(1).default(2).describe('neighbouring blocks whose products of the same role share a basis'),
  outputBasis: z
    .boolean()
    .default(false)
    .describe('let the outputs share a basis too where that pays: full Tucker decomposition of stacked weights'),
  weighting,
  refit,
  rankMultiple,
  minimumSize,
  checkSpeed: checkSpeed.describe('leave groups alone that would multiply more than before'),
  include,
  exclude,
});

export type SharingOptions = z.output<typeof sharingSchema>;
