// The options of the passes that remove units of channel groups.
import { z } from 'zod';
import { partOption, selectionOptions } from '../pass/index.js';

export const structuredOptions = {
  ratio: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe('share of all units that goes (default: 0.2 where no target is given)'),
  targetMacs: partOption.optional().describe('share of the multiply-accumulates that may stay, such as 50%'),
  targetBytes: z.number().int().positive().optional().describe('bytes that the model may have'),
  importance: z
    .enum([
      'auto',
      'reconstruction',
      'output-error',
      'l1',
      'l2',
      'geometric-mean',
      'fpgm',
      'batchnorm-scale',
      'activation',
      'taylor',
      'fisher',
      'random',
    ])
    .default('auto')
    .describe(
      'what makes a unit matter; auto: with samples what consumers lose when refitted (heads: how far outputs move), else l2',
    ),
  scope: z
    .enum(['auto', 'local', 'global', 'isomorphic'])
    .default('auto')
    .describe(
      'local: the same share of every group; global: where it does least damage; isomorphic: the same share of groups built alike; auto: with samples global, by what half of each group costs the outputs',
    ),
  costModel: z
    .enum(['macs', 'padded'])
    .default('macs')
    .describe(
      'padded counts channels of convolutions in blocks, as onnxruntime computes them, and what outputs take to write',
    ),
  channelBlock: z
    .union([z.literal(8), z.literal(16)])
    .default(16)
    .describe('channels in a block of the padded cost model: 16 with AVX-512, else 8'),
  multipleOf: z.number().int().min(1).max(64).default(1).describe('what stays of a group is a multiple of this'),
  reconstruct: z
    .boolean()
    .default(true)
    .describe('with samples, refit the weights that take what is left so that outputs match the original'),
  streams: z.boolean().default(false).describe('also channels that residual additions share'),
  branches: z
    .boolean()
    .default(false)
    .describe('with samples, also take whole residual branches out where that costs least'),
  ...selectionOptions,
};

export type StructuredOptions = z.output<z.ZodObject<typeof structuredOptions>>;
