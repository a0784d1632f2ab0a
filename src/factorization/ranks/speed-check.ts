// Which choices are slower than the operators they would replace; each kind of operator is measured once for all that are alike.
import type { Engine } from '../../engine/index.js';
import { createMatrix } from '../../numeric/index.js';
import { families } from '../decompositions/factorize-task.js';
import type { Choice, FamilyName } from '../decompositions/family.js';
import type { Candidate } from './candidates.js';
import { relativeTime } from './speed.js';

interface SlowRanks {
  readonly family: FamilyName;
  readonly ranks: readonly number[];
  /** Over that of the original. */
  readonly time: number;
}

export class SpeedCheck {
  private readonly engine: Engine;
  private readonly measured = new Map<string, number | null>();
  /** Ranks that were found too slow, by kind of operator. */
  private readonly slow = new Map<string, SlowRanks[]>();

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** Whether no lower ranks were found too slow for this kind of operator. */
  allows(candidate: Candidate, choice: Choice): boolean {
    const slow = this.slow.get(kindOf(candidate)) ?? [];
    return !slow.some(
      ({ family, ranks }) => family === choice.family && ranks.every((rank, mode) => rank <= choice.ranks[mode]),
    );
  }

  /** Measures a choice; false, and remembered, where it is slower. */
  async passes(candidate: Candidate, choice: Choice): Promise<boolean> {
    const kind = kindOf(candidate);
    const { family, ranks } = choice;
    const key = `${kind} ${family} ${ranks}`;
    let time = this.measured.get(key);
    if (time === undefined) {
      time = await this.measure(candidate, choice);
      // Once more before something is given up for a disturbance.
      if (time !== null && time > 1) time = Math.min(time, (await this.measure(candidate, choice)) ?? time);
      this.measured.set(key, time);
    }
    if (time === null || time <= 1) return true;
    this.slow.set(kind, [...(this.slow.get(kind) ?? []), { family, ranks, time }]);
    return false;
  }

  /** The smallest ranks that were too slow; null where nothing was. */
  slowest(candidate: Candidate): SlowRanks | null {
    return this.slow.get(kindOf(candidate))?.at(-1) ?? null;
  }

  private measure(candidate: Candidate, { family, ranks }: Choice): Promise<number | null> {
    const { shape } = candidate;
    const stages = families[family].outline(shape, ranks).map(({ rows, columns, axes }) => ({
      weights: Array.from({ length: shape.groups }, () => createMatrix(rows, columns)),
      axes,
    }));
    return relativeTime(candidate, stages, this.engine);
  }
}

function kindOf({ operator: { node, weight }, inputShape }: Candidate): string {
  const attributes = [...node.attributes].map(([name, attribute]) => [
    name,
    'value' in attribute ? `${attribute.value}` : '',
  ]);
  return JSON.stringify([node.opType, weight.shape, inputShape, attributes]);
}
