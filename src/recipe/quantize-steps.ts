// The recipe of `dsopt quantize`: its modes, and the passes of each.
import type { Pass } from '../pass/index.js';
import { cleanupSteps, preparationSteps, stepsOf } from './cleanup-steps.js';
import type { ForeignStep } from './recipe.js';

export type QuantizeMode = 'dynamic' | 'static' | 'weight-only' | 'float16' | 'bfloat16';

type PassOptions = Readonly<Record<string, unknown>>;

interface Mode {
  readonly pass: string;
  /** Options that the mode stands for. */
  readonly fixed?: PassOptions;
  /** What tells results from originals by name, given the options of the pass: `model.<suffix>.onnx`. */
  suffix(options: PassOptions): string;
  /** Passes behind it, and their options. */
  followedBy?(options: PassOptions): readonly { readonly pass: string; readonly options: PassOptions }[];
}

/** Query, key and value are one product. */
const joined = { pass: 'join-products', options: {} };

/** Ways to quantize, and the pass that does it. Static leaves embeddings, recurrences and what stays in float to be stored in eight bits. */
export const quantizeModes: Readonly<Record<QuantizeMode, Mode>> = {
  dynamic: { pass: 'quantize-dynamic', suffix: () => 'int8', followedBy: () => [joined] },
  static: {
    pass: 'quantize-static',
    suffix: () => 'int8',
    followedBy: (options) => [{ pass: 'quantize-dynamic', options: selectionOf(options) }],
  },
  'weight-only': {
    pass: 'quantize-weights',
    suffix: ({ bits = 4 }) => `int${bits}`,
    followedBy: whatKeepsEightBits,
  },
  float16: { pass: 'convert-floats', fixed: { type: 'float16' }, suffix: () => 'fp16' },
  bfloat16: { pass: 'convert-floats', fixed: { type: 'bfloat16' }, suffix: () => 'bf16' },
};

/**
 * The steps of `dsopt quantize`: cleanup (computed targets of Reshape too, whose overhead counts once products are fast), the pass of `mode` with `options`, cleanup.
 */
export function quantizeSteps(passes: readonly Pass[], mode: QuantizeMode, options: PassOptions): ForeignStep[] {
  const { pass, fixed, followedBy } = quantizeModes[mode];
  const [quantize] = stepsOf(passes, [pass]);
  const rest = (followedBy?.(options) ?? []).flatMap((step) =>
    stepsOf(passes, [step.pass]).map((found) => ({ ...step.options, ...found })),
  );
  const before = [...preparationSteps(passes), ...stepsOf(passes, ['simplify-reshapes'])];
  return [...before, { ...options, ...fixed, ...quantize }, ...rest, ...cleanupSteps(passes)];
}

/** Options that mean the same to both passes. */
const alsoForEightBits: ReadonlySet<string> = new Set(['exclude', 'symmetric', 'minimumSize']);

/** Weights that fewer bits are not for (embeddings, scores, convolutions) get 8; then equal shapes of decoded blocks are joined. */
function whatKeepsEightBits({ compute, include, ...given }: PassOptions) {
  const options = {
    ...(compute === 'float32' && { compute: 'float' }),
    ...Object.fromEntries(Object.entries(given).filter(([name]) => alsoForEightBits.has(name))),
  };
  // Who names nodes means these alone.
  const eightBits = include === undefined ? [{ pass: 'quantize-dynamic', options }] : [];
  return [...eightBits, joined, { pass: 'deduplicate-initializers', options: {} }];
}

/** What was chosen by name holds for the passes behind too. */
function selectionOf(options: PassOptions): PassOptions {
  return Object.fromEntries(
    ['include', 'exclude'].flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
}
