// What the modes of quantization can do for operators that are sensitive, in options of their passes.
import type { PassOptions } from './attempt.js';

export type LimitedMode = 'static' | 'weight-only';

/** Selectors of operators that keep 16 bits, and of those that are left out. */
export interface Kept {
  readonly sixteenBits: readonly string[];
  readonly exclude: readonly string[];
}

export interface Keeping {
  /** The pass that says how sensitive each is. */
  readonly pass: string;
  readonly word: string;
  /** Whether matrix products can be computed with 16 bits. */
  readonly sixteenBits: boolean;
  /** Whether what the pass behind stores in eight bits may be kept too. */
  readonly others: boolean;
  /** Options with which results have the same size, faster. */
  readonly quick: PassOptions;
  options(kept: Kept, exclude: readonly string[]): PassOptions;
}

export const keepings: Readonly<Record<LimitedMode, Keeping>> = {
  static: {
    pass: 'quantize-static',
    word: 'in float',
    sixteenBits: true,
    others: true,
    quick: {},
    options(kept, exclude) {
      const all = [...exclude, ...kept.exclude];
      return {
        ...(all.length > 0 && { exclude: all }),
        ...(kept.sixteenBits.length > 0 && { sixteenBits: kept.sixteenBits }),
      };
    },
  },
  'weight-only': {
    pass: 'quantize-weights',
    word: 'with more bits',
    sixteenBits: false,
    others: false,
    quick: { algorithm: 'mse-clip' },
    options: (kept, exclude) => ({
      ...(exclude.length > 0 && { exclude }),
      ...(kept.exclude.length > 0 && { wide: kept.exclude }),
    }),
  },
};
