// Options of quantize-static.
import { z } from 'zod';
import { rangeMethods } from '../../src/calibration/index.js';
import { selectionOptions } from '../../src/pass/index.js';

/** Operators with weights that the pass can quantize. */
export const linearOperators = ['Conv', 'Gemm', 'MatMul'] as const;

export const options = z.strictObject({
  calibrationMethod: z
    .enum(['auto', ...rangeMethods])
    .default('auto')
    .describe(
      'how ranges of activations are chosen; mse weighs errors by the weights that they meet, auto takes what does best on samples that were held out',
    ),
  percentile: z
    .number()
    .gt(50)
    .max(100)
    .default(99.99)
    .describe('percent of the values that lie within the range that percentile chooses'),
  activationType: z
    .enum(['uint8', 'int8', 'uint16', 'int16'])
    .default('uint8')
    .describe(
      'type of quantized activations; int8 is up to three times slower than float on x86, 16 bits run in float',
    ),
  activationSymmetric: z.boolean().default(false).describe('centre the ranges of activations on zero'),
  weightType: z.enum(['int8', 'uint8']).default('int8').describe('type of the stored weights'),
  granularity: z
    .enum(['channel', 'tensor'])
    .default('channel')
    .describe('one scale per output channel, or one per weight'),
  rounding: z
    .enum(['gptq', 'nearest'])
    .default('gptq')
    .describe(
      'round the weights of convolutions so that their errors cancel out on the inputs that were seen (GPTQ), or each to the nearest',
    ),
  biasCorrection: z
    .boolean()
    .default(true)
    .describe('take the mean error that rounding a convolution makes out of its bias'),
  edges: z
    .enum(['auto', 'float', 'integer'])
    .default('auto')
    .describe(
      'first and last operators: auto keeps those in float that do less than 2 % of the multiplications, float and integer force one',
    ),
  residual: z
    .enum(['integer', 'float'])
    .default('integer')
    .describe('additions between convolutions: in float they are more exact and slower'),
  minimumSize: z.int().min(1).default(512).describe('leave weights with fewer elements in float'),
  operators: z
    .array(z.enum(linearOperators))
    .default([...linearOperators])
    .describe('operators with weights to work on'),
  ...selectionOptions,
});

export type Options = z.output<typeof options>;
