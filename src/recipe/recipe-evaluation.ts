// The part of a recipe that says how the result is evaluated: the data with its options, or a program, and what it may cost.
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { type DataOptions, dataOptions, locateDataOptions } from '../data/index.js';
import { metricNames } from '../metrics/index.js';

// Any name: a program may print metrics that dsopt does not know.
const metricName = z.string().min(1);

export const recipeEvaluation = z.strictObject({
  data: z.string().optional().describe('folder of images or wav files, .npz, .jsonl, .tsv, .csv, .txt, or a module'),
  evalCommand: z.string().optional().describe('a program that evaluates {model} and prints JSON last, instead of data'),
  metric: z
    .union([metricName, z.array(metricName).min(1)])
    .optional()
    .describe(`of ${metricNames.join(', ')}; the first one counts for maxDrop (default: what suits the data)`),
  maxDrop: z
    .union([z.number().min(0), z.string().regex(/^\d*\.?\d+%?$/, 'a number or a percentage is expected')])
    .optional()
    .describe('the most the metric may get worse: in its units (percentage points), or like 2% of the original'),
  outputName: z.string().optional().describe('the output that answers (default: the first of floating point)'),
  batch: z.int().min(1).optional().describe('examples at once (default: 1)'),
  threads: z.int().min(1).optional().describe('threads of onnxruntime (default: 1)'),
  ...dataOptions.shape,
});

/** Evaluation settings, with paths that hold from anywhere. */
export interface RecipeEvaluation {
  readonly data?: string;
  readonly dataOptions: DataOptions;
  readonly evalCommand?: string;
  readonly metrics?: readonly string[];
  readonly maxDrop?: number | string;
  readonly outputName?: string;
  readonly batch?: number;
  readonly threads?: number;
}

/** Relative paths start at `folder`. */
export function parseEvaluation(
  { data, evalCommand, metric, maxDrop, outputName, batch, threads, ...rest }: z.output<typeof recipeEvaluation>,
  folder: string,
): RecipeEvaluation {
  return {
    dataOptions: locateDataOptions(rest, folder),
    ...(data !== undefined && { data: isAbsolute(data) ? data : join(folder, data) }),
    ...(evalCommand !== undefined && { evalCommand }),
    ...(metric !== undefined && { metrics: typeof metric === 'string' ? [metric] : metric }),
    ...(maxDrop !== undefined && { maxDrop }),
    ...(outputName !== undefined && { outputName }),
    ...(batch !== undefined && { batch }),
    ...(threads !== undefined && { threads }),
  };
}
