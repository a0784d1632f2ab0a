// Options of quantize-weights.
import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';
import type { BlockSearch, MatrixAlgorithm } from '../../src/quantization/index.js';

/** Operators whose weights the pass can store. */
export const storableOperators = ['MatMul', 'Gemm', 'Gather', 'Conv'] as const;

/** Algorithms that need nothing but the weights. */
const dataFree = ['rtn', 'mse-clip', 'hqq', 'k-quant'] as const;
/** Algorithms that look at what weights meet in real samples. */
const calibrated = ['imatrix', 'scale-estimation', 'awq', 'gptq'] as const;
const algorithms = ['auto', ...dataFree, ...calibrated] as const;

type Algorithm = (typeof algorithms)[number];

export const options = z.strictObject({
  bits: z
    .literal([8, 4, 3, 2, 1.6])
    .default(4)
    .describe(
      'of each weight of a matrix product, 1.6 for -1, 0 and 1; nbits and dequantize store 3 in 4 and are the ones that take 8, nbits takes no 1.6 and dequantize neither that nor 2',
    ),
  blockSize: z
    .literal([0, 16, 32, 64, 128, 256])
    .optional()
    .describe(
      'neighbours along the summed axis that share a multiplier or scale: 16 where it is not given, 32 for nbits and dequantize, 64 for bnb4; 0: a whole channel (dequantize)',
    ),
  codebook: z
    .boolean()
    .default(false)
    .describe(
      'of 2 bits, compute int8 or float32: four neighbours share a byte, which stands for one of 256 vectors, fitted to each matrix',
    ),
  algorithm: z
    .enum(algorithms)
    .default('auto')
    .describe(
      'how weights are rounded: within the range of each block (rtn), with the range of the least squared error (mse-clip), least sparse error (hqq) or least error weighted by magnitude (k-quant); with calibration data, the range of the least error weighted by second moments of inputs (imatrix) or of outputs of the block (scale-estimation), that with inputs scaled by their magnitude (awq), or errors made up for by later weights (gptq); auto: what leaves the least error in outputs held out of the data, without data mse-clip',
    ),
  compute: z
    .enum(['auto', 'int8', 'float32', 'nbits', 'dequantize', 'bnb4'])
    .default('auto')
    .describe(
      'int8 and float32 decode once, when the model is loaded; nbits (MatMulNBits), dequantize (DequantizeLinear) and bnb4 (MatMulBnb4 with the levels of NF4) in every run; auto: int8, but nbits for 4-bit models that decode tokens one by one, with a cache of what was before',
    ),
  activations: z
    .enum(['auto', 'once', 'twice'])
    .default('auto')
    .describe(
      'of compute int8: quantize activations once, or a second time what the first time lost, for a second product; auto does so behind gates (SwiGLU), where that is most of the error',
    ),
  symmetric: z
    .boolean()
    .default(true)
    .describe('centre ranges on zero, so that no zero points are needed (nbits and dequantize)'),
  floatZeroPoints: z
    .boolean()
    .default(false)
    .describe(
      'of algorithm hqq with compute nbits: zero points that are floats, as HQQ solves for them; a float more for each block, and slower kernels',
    ),
  damping: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe(
      'of gptq: share of the mean second moment that is added to each; a third of K over the rows of data comes on top',
    ),
  actOrder: z
    .boolean()
    .default(false)
    .describe('of gptq: round what the largest inputs meet first, with multipliers chosen before'),
  sequential: z
    .boolean()
    .default(true)
    .describe(
      'with data: round each weight for the inputs that the quantized weights in front of it give, not for those of the original',
    ),
  fisher: z
    .boolean()
    .default(false)
    .describe(
      'with data: inputs count by how much the loss depends on what is made of them (squared gradients, the Fisher information), not all alike',
    ),
  accuracyLevel: z
    .int()
    .min(0)
    .max(4)
    .default(4)
    .describe('of MatMulNBits: 4 quantizes activations to int8, 0 leaves it to the kernel'),
  embeddingBits: z
    .literal([8, 4])
    .optional()
    .describe(
      'of tables of embeddings and of the matrix that makes the scores: 8 where it is not given, which leaves them to quantize-dynamic unless compute is nbits',
    ),
  preset: z
    .enum(['default', 'smallest'])
    .default('default')
    .describe('smallest: embeddings and scores in 4 bits too, blocks of 32, where these are not given'),
  wide: z
    .array(z.string())
    .default([])
    .describe('give these matrix products the next width, 8 bits for 4, 4 for 3 and 2: name, glob, re:…'),
  sensitivity: z
    .boolean()
    .default(false)
    .describe('report what rounding each matrix product alone does to the outputs, as the metric "sensitivity <node>"'),
  minimumSize: z.int().min(1).default(4096).describe('leave weights with fewer elements alone'),
  operators: z
    .array(z.enum(storableOperators))
    .default(['MatMul', 'Gemm', 'Gather'])
    .describe('operators to work on; the weights of Conv, too, in floats when they are computed'),
  highestOpset: z
    .int()
    .min(14)
    .optional()
    .describe(
      "highest version of ONNX's operators that the result may use: below 21 there is no INT4, and tables decode bytes when the model is loaded",
    ),
  ...selectionOptions,
});

export type Options = z.output<typeof options>;

/** Options with the preset worked out. */
export type Settings = Omit<Options, 'compute'> &
  Required<Pick<Options, 'blockSize' | 'embeddingBits'>> & { readonly compute: Exclude<Options['compute'], 'auto'> };

/** @param decodesTokens whether the model computes one token at a time, where MatMulNBits is faster than integers. */
export function settingsOf(given: Options, decodesTokens: boolean): Settings {
  const smallest = given.preset === 'smallest';
  const fastest = decodesTokens && given.bits >= 4 ? 'nbits' : 'int8';
  const compute = given.compute === 'auto' ? fastest : given.compute;
  const smallBlock = compute === 'int8' || compute === 'float32' ? 16 : 32;
  return {
    ...given,
    compute,
    blockSize: given.blockSize ?? (compute === 'bnb4' ? 64 : smallest ? 32 : smallBlock),
    embeddingBits: given.embeddingBits ?? (smallest ? 4 : 8),
  };
}

/** How weights are rounded that data does not help with. */
export function searchOf(algorithm: Algorithm): BlockSearch {
  return dataFree.find((name) => name === algorithm) ?? 'mse-clip';
}

/** What is tried where there is data; none for an algorithm without. */
export function calibratedAlgorithms(algorithm: Algorithm, hasData: boolean): readonly MatrixAlgorithm[] {
  if (algorithm === 'auto') return hasData ? ['gptq', 'awq', 'scale-estimation', 'imatrix', 'mse-clip'] : [];
  return calibrated.filter((name) => name === algorithm);
}

/** The width of what is sensitive. */
export function widerThan(bits: Options['bits']): Options['bits'] {
  return bits < 4 ? 4 : 8;
}
