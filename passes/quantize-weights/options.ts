// Options of quantize-weights.
import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';

/** Operators whose weights the pass can store. */
export const storableOperators = ['MatMul', 'Gemm', 'Gather'] as const;

export const options = z.strictObject({
  bits: z.literal([4]).default(4).describe('of each weight of a matrix product'),
  blockSize: z
    .literal([16, 32, 64, 128, 256])
    .default(16)
    .describe(
      'neighbours along the summed axis that share a multiplier or scale; where it does not divide the axis, less',
    ),
  algorithm: z
    .enum(['auto', 'rtn', 'mse'])
    .default('auto')
    .describe(
      'how multipliers are chosen: so that nothing is cut off (rtn), or by squared error (mse); auto: the best there is',
    ),
  compute: z
    .enum(['auto', 'int8', 'float32'])
    .default('auto')
    .describe('multiply integers, or restore the weights to float when the model is loaded; auto: int8'),
  embeddingBits: z
    .literal([8, 4])
    .default(8)
    .describe('of tables of embeddings and of the matrix that makes the scores; 8 leaves them to quantize-dynamic'),
  minimumSize: z.int().min(1).default(4096).describe('leave weights with fewer elements alone'),
  operators: z
    .array(z.enum(storableOperators))
    .default([...storableOperators])
    .describe('operators to work on'),
  ...selectionOptions,
});

export type Options = z.output<typeof options>;
