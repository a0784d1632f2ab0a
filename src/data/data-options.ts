// The options that describe data: one schema for the flags of every command, for recipes and for the library.
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { dataKinds } from './dataset.js';
import { resampleFilters } from './images/resample.js';

/** `.485,.456,.406` on the command line, a list elsewhere. */
const numbers = z.union([
  z.array(z.number()).min(1),
  z
    .string()
    .regex(/^\s*[-+.\deE]+(\s*,\s*[-+.\deE]+)*\s*$/, 'numbers separated by commas are expected')
    .transform((text) => text.split(',').map(Number)),
]);

const size = z.union([
  z.int().min(1),
  z.string().regex(/^\d+(x\d+)?$/, 'a size is written like 224 or 240x320 (height x width)'),
]);

export const dataOptions = z.strictObject({
  dataKind: z.enum(dataKinds).optional().describe('what the data is (default: detected)'),
  samples: z
    .union([z.int().min(1), z.literal('auto')])
    .optional()
    .describe(
      'use so many, evenly spread (of a stream: the first) (default: all); auto: to calibrate, until ranges no longer move',
    ),
  shuffle: z.boolean().default(false).describe('take samples in a seeded random order'),
  labels: z.string().optional().describe('table of file names and labels (default: labels.tsv or .csv in the folder)'),
  classNames: z.string().optional().describe('file with one class name a line, in the order of their indices'),
  labelColumn: z.string().optional().describe('column of the label (default: label, target or class)'),
  textColumn: z.string().optional().describe('column of the text (default: text, sentence or the like)'),
  pairColumn: z.string().optional().describe('column of the second text, for models of pairs'),
  tokenizer: z.string().optional().describe('tokenizer.json (default: the one beside the model)'),
  maxLength: z
    .int()
    .min(1)
    .optional()
    .describe('most tokens of a text; longer ones are cut (default: what the model or tokenizer say)'),
  pad: z.boolean().default(false).describe('pad texts to max-length'),
  window: z.int().min(2).optional().describe('tokens of a window of language-modelling text (default: 256)'),
  stride: z.int().min(1).optional().describe('tokens from one window to the next (default: the window)'),
  imageConfig: z.string().optional().describe('preprocessor_config.json (default: the one beside the model)'),
  imageSize: size.optional().describe('what the model sees: 224, or 240x320 (default: what the model or config say)'),
  imageShortSide: z.int().min(1).optional().describe('resize the short side to this, then crop the centre'),
  imageLongSide: z
    .enum(['down', 'nearest'])
    .default('down')
    .describe(
      'rounding of the other side then: down as torchvision and transformers do, or to the nearest as mmcv does',
    ),
  imageResample: z.enum(resampleFilters).optional().describe('filter (default: bilinear)'),
  imageScale: z.number().optional().describe('factor of pixel values (default: 1/255, 1 for integer inputs)'),
  imageMean: numbers.optional().describe('subtracted after scaling, a value or one a channel'),
  imageStd: numbers.optional().describe('divided by after that, a value or one a channel'),
  imageChannels: z
    .enum(['rgb', 'bgr', 'gray'])
    .optional()
    .describe('order of channels (default: rgb, gray for one channel)'),
  sampleRate: z.int().min(1).optional().describe('samples a second that audio is brought to (default: 16000)'),
  frame: z
    .int()
    .min(1)
    .optional()
    .describe('samples of audio in one step (default: what the model says, or the whole clip)'),
  hop: z
    .int()
    .min(1)
    .optional()
    .describe('samples from one step to the next; earlier ones are repeated as context (default: frame)'),
});

/** The options that are paths. */
export const pathOptions: ReadonlySet<string> = new Set<keyof ParsedDataOptions>([
  'labels',
  'classNames',
  'tokenizer',
  'imageConfig',
]);

/** The same options with paths that hold from anywhere; relative ones start at `folder`. */
export function locateDataOptions<Options extends DataOptions>(options: Options, folder: string): Options {
  const located = Object.entries(options).map(([name, value]) => [
    name,
    pathOptions.has(name) && typeof value === 'string' && !isAbsolute(value) ? join(folder, value) : value,
  ]);
  return Object.fromEntries(located) as Options;
}

export type DataOptions = z.input<typeof dataOptions>;
/** With defaults filled in. */
export type ParsedDataOptions = z.output<typeof dataOptions>;
