// Whole recipes by name, for `dsopt run --preset`: prune, refit on calibration data, then store and compute in fewer bits.
import type { Pass } from '../pass/index.js';
import { type PruneGranularity, pruneSteps } from './prune-steps.js';
import { type QuantizeMode, quantizeSteps } from './quantize-steps.js';
import type { ForeignStep } from './recipe.js';

interface Preset {
  /** What it is for, in a few words. */
  readonly summary: string;
  readonly prune: readonly (readonly [PruneGranularity, Readonly<Record<string, unknown>>])[];
  readonly quantize: QuantizeMode;
}

/** Each prunes with what it wins in mind: multiplications, milliseconds in onnxruntime, or parameters. */
export const presets = {
  'cnn-half-int8': {
    summary: 'convolutional networks: half of the multiply-accumulates, static INT8',
    prune: [['channels', { targetMacs: 0.5 }]],
    quantize: 'static',
  },
  'cnn-fast': {
    summary: 'convolutional networks: 60 % of the time of float32 convolutions, whole blocks may go; stored as float16',
    prune: [['channels', { targetMacs: 0.6, costModel: 'padded', multipleOf: 4, branches: true }]],
    quantize: 'float16',
  },
  'transformer-int8': {
    summary: 'transformers: four fifths of the heads, 70 % of the neurons, dynamic INT8',
    prune: [
      ['heads', { ratio: 0.2 }],
      ['neurons', { ratio: 0.3 }],
    ],
    quantize: 'dynamic',
  },
  'transformer-int4': {
    summary: 'transformers: four fifths of the heads, 70 % of the neurons, matrices in 4 bits',
    prune: [
      ['heads', { ratio: 0.2 }],
      ['neurons', { ratio: 0.3 }],
    ],
    quantize: 'weight-only',
  },
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof presets;

/** The steps of a preset, cleanup between them. */
export function presetSteps(passes: readonly Pass[], name: PresetName): ForeignStep[] {
  const { prune, quantize }: Preset = presets[name];
  const pruning = prune.flatMap(([granularity, options]) => pruneSteps(passes, granularity, options));
  const storage = quantize === 'float16' ? { compute: 'float32' } : {};
  return [...pruning, ...quantizeSteps(passes, quantize, storage)];
}
