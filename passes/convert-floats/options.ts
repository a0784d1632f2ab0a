// Options of convert-floats.
import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';

/**
 * Operators that have no 16-bit form in ONNX, take some inputs as float32 in any case, or add up more than 11 bits of precision hold. Those of
 * other domains, with subgraphs, or with outputs of unknown type stay in float32 too.
 */
const blockedByDefault = [
  'Resize',
  'Upsample',
  'Range',
  'CumSum',
  'CastLike',
  'RoiAlign',
  'GridSample',
  'NonMaxSuppression',
  'QuantizeLinear',
  'DequantizeLinear',
  'DynamicQuantizeLinear',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Multinomial',
  'Bernoulli',
  'EyeLike',
  'MelWeightMatrix',
  'HannWindow',
  'HammingWindow',
  'BlackmanWindow',
  'DFT',
  'STFT',
  'NegativeLogLikelihoodLoss',
  'SoftmaxCrossEntropyLoss',
];

export const options = z.strictObject({
  type: z.enum(['float16', 'bfloat16']).default('float16').describe('what floats become'),
  compute: z
    .enum(['auto', 'half', 'float32'])
    .default('auto')
    .describe(
      'compute in 16 bits too (half; auto for float16), or only store weights so, restored when the model is loaded (float32; auto for bfloat16)',
    ),
  keepIo: z.boolean().default(true).describe('keep the types of inputs and outputs'),
  blockedOperators: z
    .array(z.string())
    .default(blockedByDefault)
    .describe('operators that stay in float32, besides those that need it'),
  minimumSize: z
    .int()
    .min(1)
    .default(256)
    .describe('fewer elements are not worth a Cast where only the storage changes'),
  ...selectionOptions,
});

export type Options = z.output<typeof options>;
