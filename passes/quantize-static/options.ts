// Options of quantize-static.
import { z } from 'zod';
import { rangeMethods } from '../../src/calibration/index.js';
import { selectionOptions } from '../../src/pass/index.js';

/** Operators with weights that the pass can quantize. */
export const linearOperators = ['Conv', 'Gemm', 'MatMul'] as const;

export const options = z.strictObject({
  format: z
    .enum(['qdq', 'qoperator'])
    .default('qdq')
    .describe(
      'pairs of QuantizeLinear and DequantizeLinear around float operators, which onnxruntime fuses, or operators on integers (QLinearConv, QLinearAdd, …)',
    ),
  biasType: z
    .enum(['int32', 'float32'])
    .default('int32')
    .describe(
      'type of the biases of convolutions and Gemm; float32 ones onnxruntime rounds by itself, or computes in float',
    ),
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
  weightType: z
    .enum(['int8', 'uint8', 'int4'])
    .optional()
    .describe(
      'type of the stored weights (default: int8); int4 is decoded when the model is loaded, and computed as int8',
    ),
  bits: z.literal([8, 4]).optional().describe('of each weight: 4 is weightType int4'),
  reduceRange: z
    .enum(['off', 'on'])
    .default('off')
    .describe(
      'on: use 7 of the 8 bits of int8 weights, so that the 16-bit sums of x86 CPUs without VNNI cannot saturate; those of uint8 and int4 never do',
    ),
  granularity: z
    .enum(['channel', 'tensor'])
    .default('channel')
    .describe('one scale per output channel, or one per weight'),
  rounding: z
    .enum(['auto', 'adaround', 'gptq', 'nearest'])
    .default('auto')
    .describe(
      'round the weights of convolutions up or down as is learned from the outputs (AdaRound; auto at 4 bits), so that errors cancel out on the inputs that were seen (GPTQ; auto at 8 bits), or each to the nearest',
    ),
  iterations: z.int().min(1).default(500).describe('of adaround: steps for each convolution'),
  fisher: z
    .boolean()
    .default(false)
    .describe(
      'of gptq and bias correction: patches count by how much the loss depends on what convolutions make of them (squared gradients, the Fisher information), not all alike',
    ),
  biasCorrection: z
    .boolean()
    .default(true)
    .describe('take the mean error that rounding a convolution makes out of its bias'),
  preset: z
    .enum(['balanced', 'accurate'])
    .default('balanced')
    .describe('what auto means for edges, residual and twoPass: accurate is float, float and worst, which is slower'),
  edges: z
    .enum(['auto', 'cheap', 'float', 'integer'])
    .default('auto')
    .describe(
      'first and last operators: cheap (auto) keeps those in float that do less than 2 % of the multiplications, float and integer force one',
    ),
  slowKernels: z
    .enum(['float', 'integer'])
    .default('float')
    .describe(
      'convolutions that onnxruntime computes faster in float on the CPU (first ones of few channels, groups of a few channels, depthwise ones whose channels come by four and not by eight; all where the network multiplies little for each element) and SiLU: float, or integers all the same',
    ),
  residual: z
    .enum(['auto', 'integer', 'float'])
    .default('auto')
    .describe('additions between convolutions: integer (auto), or float, which is more exact and slower'),
  twoPass: z
    .enum(['auto', 'off', 'outliers', 'worst'])
    .default('auto')
    .describe(
      'compute matrix products twice, on the rounded input and on what rounding left: for inputs of 8 times the usual error (outliers, auto), or for the worst that make two thirds of it',
    ),
  sixteenBits: z
    .array(z.string())
    .default([])
    .describe(
      'compute these matrix products in two passes, as if their inputs had 16 bits, whatever twoPass says: name, glob, re:…',
    ),
  maxOutputError: z
    .number()
    .min(0)
    .default(0.03)
    .describe(
      'how far an output may move on samples that were held out, as squared error by variance: where it moves further, the operators that do most of it are computed in two passes or in float, and down to a sixth of it those that do far more of it than of the multiplications; 0: as far as it will',
    ),
  sensitivity: z
    .boolean()
    .default(false)
    .describe('measure what quantizing each operator alone does to the outputs, and say so in the report'),
  minimumSize: z
    .int()
    .min(1)
    .default(512)
    .describe(
      'leave weights with fewer elements in float, and models that would not become smaller; 1: quantize those too',
    ),
  operators: z
    .array(z.enum(linearOperators))
    .default([...linearOperators])
    .describe('operators with weights to work on'),
  ...selectionOptions,
});

type Given = z.output<typeof options>;

/** The options, with what auto stands for in its place. */
export type Options = Omit<Given, 'edges' | 'residual' | 'twoPass' | 'weightType' | 'bits' | 'rounding'> & {
  readonly weightType: 'int8' | 'uint8' | 'int4';
  readonly rounding: 'adaround' | 'gptq' | 'nearest';
  readonly edges: 'cheap' | 'float' | 'integer';
  readonly residual: 'integer' | 'float';
  readonly twoPass: 'off' | 'outliers' | 'worst';
  /** Weights of these types can be quantized. */
  readonly floats: ReadonlySet<string>;
  /** What was left open, and is judged by outputs on held-out samples; the rest is as it was asked for. */
  readonly judged: ReadonlySet<'edges' | 'residual' | 'twoPass'>;
};

export function settle(given: Given): Options {
  const accurate = given.preset === 'accurate';
  const { edges, residual, twoPass, rounding } = given;
  const open = (['edges', 'residual', 'twoPass'] as const).filter((name) => given[name] === 'auto');
  const weightType = given.weightType ?? (given.bits === 4 ? 'int4' : 'int8');
  return {
    ...given,
    weightType,
    floats: new Set(['float32']),
    judged: new Set(open),
    rounding: rounding === 'auto' ? (weightType === 'int4' ? 'adaround' : 'gptq') : rounding,
    edges: edges === 'auto' ? (accurate ? 'float' : 'cheap') : edges,
    residual: residual === 'auto' ? (accurate ? 'float' : 'integer') : residual,
    twoPass: twoPass === 'auto' ? (accurate ? 'worst' : 'outliers') : twoPass,
  };
}
