// Several forms of one model for transformers.js, by its names of them: which steps make each, and how its file is called
// (DEFAULT_DTYPE_SUFFIX_MAPPING of transformers.js).
import type { Pass } from '../pass/index.js';
import { cleanupSteps, preparationSteps } from './cleanup-steps.js';
import { type QuantizeMode, quantizeSteps } from './quantize-steps.js';
import type { ForeignStep } from './recipe.js';

type Options = Readonly<Record<string, unknown>>;

interface Form {
  readonly suffix: string;
  readonly parts: readonly { readonly mode: QuantizeMode; readonly options?: Options }[];
}

/** 4-bit forms with float16 activations are for WebGPU, whose kernels take blocks; those for CPUs and WASM are decoded once. */
const forms = {
  fp32: { suffix: '', parts: [] },
  fp16: { suffix: '_fp16', parts: [{ mode: 'float16' }] },
  q8: { suffix: '_quantized', parts: [{ mode: 'dynamic' }] },
  int8: { suffix: '_int8', parts: [{ mode: 'dynamic' }] },
  uint8: { suffix: '_uint8', parts: [{ mode: 'dynamic', options: { weightType: 'uint8' } }] },
  q4: { suffix: '_q4', parts: [{ mode: 'weight-only', options: { compute: 'int8' } }] },
  q4f16: {
    suffix: '_q4f16',
    parts: [{ mode: 'float16' }, { mode: 'weight-only', options: { compute: 'nbits', accuracyLevel: 0 } }],
  },
  q2: { suffix: '_q2', parts: [{ mode: 'weight-only', options: { bits: 2, compute: 'int8' } }] },
  q2f16: {
    suffix: '_q2f16',
    parts: [{ mode: 'float16' }, { mode: 'weight-only', options: { bits: 2, compute: 'nbits', accuracyLevel: 0 } }],
  },
  bnb4: { suffix: '_bnb4', parts: [{ mode: 'weight-only', options: { compute: 'bnb4' } }] },
} as const satisfies Readonly<Record<string, Form>>;

export type BundleDtype = keyof typeof forms;

export const bundleDtypes = Object.keys(forms) as readonly BundleDtype[];

/** `model` → `model_q4.onnx`. */
export function bundleFileName(stem: string, dtype: BundleDtype): string {
  return `${stem}${forms[dtype].suffix}.onnx`;
}

export function bundleSteps(passes: readonly Pass[], dtype: BundleDtype): ForeignStep[] {
  const { parts }: Form = forms[dtype];
  if (parts.length === 0) return [...preparationSteps(passes), ...cleanupSteps(passes)];
  return parts.flatMap(({ mode, options = {} }) => quantizeSteps(passes, mode, options));
}
