// First and second moments of the patches under the kernel of a convolution: of most samples, to fit a rounding to, and of the others, to see what
// it is worth.
import type { LinearOperator } from '../../../src/analysis/index.js';
import { type Observer, Split } from '../../../src/calibration/index.js';
import type { Random } from '../../../src/numeric/index.js';
import type { PassContext } from '../../../src/pass/index.js';
import type { Tensor } from '../../../src/tensor/index.js';
import type { Options } from '../options.js';
import { GroupMoments } from './group-moments.js';
import type { PatchCounts } from './patch-counts.js';
import { PatchGram } from './patch-gram.js';

export interface PatchMoments {
  readonly count: number;
  /** Means of the patches by group. */
  readonly means: readonly Float64Array[];
  /** Covariances of the patches by group; null where they were not taken. */
  readonly covariances: readonly Float64Array[] | null;
}

/** Patches of each sample: with 256 of them ten or more for each element of a patch, and still some with few samples. `accurate` takes the most. */
const fewestPatches = 24;
const mostPatches = 96;
const elementsPerPatch = 24;
/** Longer rows are rounded to the nearest: factoring their moments would take seconds. */
const mostColumns = 1536;

export class SeenPatches implements Observer {
  readonly operator: LinearOperator;
  private readonly split: Split<PatchGram | GroupMoments>;
  private readonly counts: PatchCounts | null;
  private seen = 0;

  /** @param counts what patches count; null: all alike. */
  constructor(
    operator: LinearOperator,
    options: Options,
    counts: PatchCounts | null,
    { products, random }: PassContext,
  ) {
    this.operator = operator;
    this.counts = counts;
    const least = options.preset === 'accurate' ? mostPatches : fewestPatches;
    const most = Math.ceil(operator.rowLength / elementsPerPatch);
    this.split = new Split((part) => {
      const sampling = {
        most: Math.min(Math.max(most, least), mostPatches),
        random: random().fork(`${part} ${operator.output.name}`) as Random,
      };
      return wantsGram(operator, options)
        ? new PatchGram(operator, sampling, products)
        : new GroupMoments(operator, sampling, operator.groups > 1 && options.rounding === 'gptq');
    });
  }

  async observe(tensor: Tensor): Promise<void> {
    const counts = this.counts?.[this.seen++] ?? null;
    await this.split.next().observe(tensor, counts);
  }

  /** Of the fitted and of the held-out samples; the same twice where there are none of those. Call it once. */
  async finish(): Promise<readonly [PatchMoments, PatchMoments]> {
    for (const observer of this.split.parts) await observer.finish();
    const [fitted, held] = this.split.parts.map(({ count, means, covariances }) => ({ count, means, covariances }));
    return [fitted, held.count === 0 ? fitted : held];
  }
}

/** Bytes that observing the operator takes. */
export function momentBytes(operator: LinearOperator, options: Options): number {
  return wantsGram(operator, options) ? 2 * PatchGram.byteLength(operator.rowLength) : 0;
}

function wantsGram({ groups, rowLength }: LinearOperator, { rounding }: Options): boolean {
  return rounding === 'gptq' && groups === 1 && rowLength <= mostColumns;
}
