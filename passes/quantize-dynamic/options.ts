// Options of quantize-dynamic.
import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';

/** Operators whose weights the pass can quantize. */
export const quantizableOperators = [
  'MatMul',
  'Gemm',
  'Conv',
  'ConvTranspose',
  'LSTM',
  'GRU',
  'RNN',
  'Gather',
  'com.microsoft::Attention',
] as const;

export const options = z.strictObject({
  weightType: z
    .enum(['int8', 'uint8'])
    .default('int8')
    .describe('type of the stored weights; uint8 is up to twice as slow'),
  granularity: z
    .enum(['channel', 'tensor'])
    .default('channel')
    .describe('one scale per output channel (and per row of a table), or one per weight'),
  symmetric: z
    .boolean()
    .optional()
    .describe(
      'centre the range of the weights on zero, so that no zero points are needed (default: all but int8 products, whose 16-bit sums fit with smaller scales around a zero point)',
    ),
  reduceRange: z
    .enum(['auto', 'on', 'off'])
    .default('auto')
    .describe(
      'keep 16-bit sums of CPUs without VNNI from saturating: auto moves zero points and widens scales of exactly the channels that could, on uses 7 bits everywhere',
    ),
  compute: z
    .enum(['auto', 'integer', 'float'])
    .default('auto')
    .describe(
      'auto multiplies integers where that is faster and keeps float arithmetic on stored integers elsewhere (Conv); integer and float force one',
    ),
  rounding: z
    .enum(['compensated', 'nearest'])
    .default('compensated')
    .describe(
      'round the weights of convolutions so that their errors cancel out within each kernel and channel (SQuant), or each to the nearest',
    ),
  activations: z
    .enum(['auto', 'once', 'twice'])
    .default('auto')
    .describe(
      'quantize activations of products once, or a second time what the first time lost: sixteen bits for a second product; auto does so behind activation functions, where that is most of the error, if it is at most three tenths of all products',
    ),
  minimumSize: z.int().min(1).default(512).describe('leave weights with fewer elements in float'),
  operators: z
    .array(z.enum(quantizableOperators))
    .default([...quantizableOperators])
    .describe('operators to work on'),
  ...selectionOptions,
});

export type Options = z.output<typeof options>;
