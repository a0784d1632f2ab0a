// Ready-made recipes: what the commands of the command line run.
import type { Pass } from '../pass/index.js';
import type { ForeignStep } from './recipe.js';

export type QuantizeMode = 'dynamic' | 'static';

interface Mode {
  readonly pass: string;
  /** The pass that takes what is left, under the same selection of nodes. */
  readonly rest?: string;
  /** What tells results from originals by name, given the options of the pass: `model.<suffix>.onnx`. */
  suffix(options: Readonly<Record<string, unknown>>): string;
}

/** Ways to quantize, and the pass that does it. Static leaves embeddings, recurrences and what stays in float to be stored in eight bits. */
export const quantizeModes: Readonly<Record<QuantizeMode, Mode>> = {
  dynamic: { pass: 'quantize-dynamic', suffix: () => 'int8' },
  static: { pass: 'quantize-static', rest: 'quantize-dynamic', suffix: () => 'int8' },
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

/** The steps of `dsopt quantize`: cleanup, the pass of `mode` with `options`, what it leaves to another, cleanup. */
export function quantizeSteps(
  passes: readonly Pass[],
  mode: QuantizeMode,
  options: Readonly<Record<string, unknown>>,
): ForeignStep[] {
  const { pass, rest } = quantizeModes[mode];
  const [quantize, ...others] = stepsOf(passes, rest === undefined ? [pass] : [pass, rest]);
  const selection = Object.fromEntries(
    ['include', 'exclude'].flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
  const left = others.map((step) => ({ ...selection, ...step }));
  return [...preparationSteps(passes), { ...options, ...quantize }, ...left, ...stepsOf(passes, after)];
}

/** What `dsopt quantize` does before it quantizes. */
export function preparationSteps(passes: readonly Pass[]): ForeignStep[] {
  return stepsOf(passes, before);
}

function stepsOf(passes: readonly Pass[], names: readonly string[]): ForeignStep[] {
  return names.flatMap((name) => passes.filter((pass) => pass.name === name)).map((pass) => ({ pass }));
}
