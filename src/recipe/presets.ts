// Ready-made recipes: what the commands of the command line run.
import type { Pass } from '../pass/index.js';
import type { ForeignStep } from './recipe.js';

/** Ways to quantize, and the pass that does it. */
export const quantizeModes = { dynamic: 'quantize-dynamic' } as const;

export type QuantizeMode = keyof typeof quantizeModes;

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
export function quantizeSteps(
  passes: readonly Pass[],
  mode: QuantizeMode,
  options: Readonly<Record<string, unknown>>,
): ForeignStep[] {
  const stepsOf = (names: readonly string[]): ForeignStep[] =>
    names.flatMap((name) => passes.filter((pass) => pass.name === name)).map((pass) => ({ pass }));
  const [quantize] = stepsOf([quantizeModes[mode]]);
  return [...stepsOf(before), { ...options, ...quantize }, ...stepsOf(after)];
}
