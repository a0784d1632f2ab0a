// Ready-made recipes: what the commands of the command line run.
import type { Pass } from '../pass/index.js';
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

/** Ways to quantize, and the pass that does it. Static leaves embeddings, recurrences and what stays in float to be stored in eight bits. */
export const quantizeModes: Readonly<Record<QuantizeMode, Mode>> = {
  dynamic: { pass: 'quantize-dynamic', suffix: () => 'int8' },
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
 * Brings weights into the open before they are quantized: constants become initializers and are folded together with what is
 * computed from them, then nodes without effect go, and normalization moves into the weights. Identical weights are joined
 * before and after, since tied ones must be quantized once.
 */
const before = [
  'unpack-constants',
  'fold-constants',
  'eliminate-identity',
  'fuse-batchnorm',
  'eliminate-dead',
  'deduplicate-initializers',
];
const after = ['eliminate-dead', 'strip-documentation'];

/** The steps of `dsopt quantize`: cleanup, the pass of `mode` with `options`, cleanup. */
export function quantizeSteps(passes: readonly Pass[], mode: QuantizeMode, options: PassOptions): ForeignStep[] {
  const { pass, fixed, followedBy } = quantizeModes[mode];
  const [quantize] = stepsOf(passes, [pass]);
  const rest = (followedBy?.(options) ?? []).flatMap((step) =>
    stepsOf(passes, [step.pass]).map((found) => ({ ...step.options, ...found })),
  );
  return [...preparationSteps(passes), { ...options, ...fixed, ...quantize }, ...rest, ...cleanupSteps(passes)];
}

/** Weights that fewer bits are not for (embeddings, scores, convolutions) get 8; then equal shapes of decoded blocks are joined. */
function whatKeepsEightBits({ compute, include, exclude }: PassOptions) {
  const options = { ...(compute === 'float32' && { compute: 'float' }), ...(exclude !== undefined && { exclude }) };
  // Who names nodes means these alone.
  const eightBits = include === undefined ? [{ pass: 'quantize-dynamic', options }] : [];
  return [...eightBits, { pass: 'deduplicate-initializers', options: {} }];
}

/** What was chosen by name holds for the passes behind too. */
function selectionOf(options: PassOptions): PassOptions {
  return Object.fromEntries(
    ['include', 'exclude'].flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
}

export type DecomposeMethod = 'auto' | 'low-rank' | 'tucker' | 'spatial' | 'share-basis';

/** Ways to decompose, and the pass that does it. */
export const decomposeMethods: Readonly<Record<DecomposeMethod, string>> = {
  auto: 'decompose',
  'low-rank': 'low-rank',
  tucker: 'tucker',
  spatial: 'spatial',
  'share-basis': 'share-basis',
};

/** The steps of `dsopt decompose`: cleanup, the pass of `method` with `options`, cleanup. */
export function decomposeSteps(
  passes: readonly Pass[],
  method: DecomposeMethod,
  options: Readonly<Record<string, unknown>>,
): ForeignStep[] {
  const [decompose] = stepsOf(passes, [decomposeMethods[method]]);
  return [...preparationSteps(passes), { ...options, ...decompose }, ...stepsOf(passes, after)];
}

/** What `dsopt quantize` does before it quantizes. */
export function preparationSteps(passes: readonly Pass[]): ForeignStep[] {
  return stepsOf(passes, before);
}

/** What commands do with what a pass left behind. */
export function cleanupSteps(passes: readonly Pass[]): ForeignStep[] {
  return stepsOf(passes, after);
}

function stepsOf(passes: readonly Pass[], names: readonly string[]): ForeignStep[] {
  return names.flatMap((name) => passes.filter((pass) => pass.name === name)).map((pass) => ({ pass }));
}

/** The steps of `dsopt distill` and `dsopt heal`: training, then what nothing uses goes. */
export function trainingSteps(
  passes: readonly Pass[],
  name: 'distill' | 'heal',
  options: Readonly<Record<string, unknown>>,
): ForeignStep[] {
  const [training] = stepsOf(passes, [name]);
  return [{ ...options, ...training }, ...stepsOf(passes, ['eliminate-dead'])];
}
