// Keeps outputs close to float: where rounding moves one of them too far, on samples that no range was fitted to, the operators that do most of it are
// computed in two passes or in float, as few as will do.
import type { Value } from '../../../src/ir/index.js';
import type { PassContext } from '../../../src/pass/index.js';
import { integerResults, type PlannedLinear, type StaticPlan } from '../plan/plan.js';
import { findDamage } from './find-damage.js';
import type { HeldOutOutputs } from './held-out-outputs.js';

/** Sets of operators that are tried, each on all of them: where an output moves too far, and where it moves more than it might. */
const mostTried = 48;
const mostTriedOfBearable = 20;
/** Samples that sets are tried on. */
export const mostSamples = 16;
/** Of the limit: what an error above it has to come down to, as other inputs may move outputs further. */
const margin = 1 / 3;
/** Of the limit: below it nothing is spared. */
const good = 1 / 6;
/** Of the error: what must not be left above the limit for sparing operators to be worth their time. */
const hopeless = 1 / 2;
/** How many times its share of the work an operator must do of the damage to be spared where the error is bearable. */
const worth = 7;

export interface KeptClose {
  /** Squared error of the output that moves most, by its variance, with all operators on integers and with those that are. */
  readonly before: number;
  readonly after: number;
  /** Computed in float: on weights that can be stored in eight bits, and on those that have to stay what they are. */
  readonly stored: readonly PlannedLinear[];
  readonly float: readonly PlannedLinear[];
  /** Inputs of matrix products that two passes are enough for. */
  readonly twice: ReadonlySet<Value>;
}

export interface CloseSettings {
  /** What the error must not exceed. */
  readonly limit: number;
  /** Values that are taken twice as it is. */
  readonly twice: ReadonlySet<Value>;
  /** Values that can be. */
  readonly canBeTwice: ReadonlySet<Value>;
  /** The plan of fewer operators. */
  planOf(linears: readonly PlannedLinear[]): StaticPlan;
}

export async function keepClose(
  outputs: HeldOutOutputs,
  plan: StaticPlan,
  { limit, twice: already, canBeTwice, planOf }: CloseSettings,
  { signal, progress }: PassContext,
): Promise<KeptClose> {
  const { worst: before } = await outputs.errorsOf({ part: plan, twice: already }, mostSamples);
  if (before <= limit * good) return { before, after: before, stored: [], float: [], twice: already };
  const twice = new Set(already);
  /** Which operator each of the others is computed twice for. */
  const addedBy = new Map<Value, PlannedLinear>();
  const stored = new Set<PlannedLinear>();
  const float = new Set<PlannedLinear>();
  const integers = integerResults(plan);
  let tried = 0;
  const bearable = before > limit ? limit * margin : limit;
  const limits = { bearable, good: limit * good, most: mostTried, mostOfBearable: mostTriedOfBearable };
  const { error } = await findDamage(plan.linears, before, limits, {
    // Around a small one conversions take what it does not.
    isWorth: ({ share }, damage) => damage >= worth * Math.max(share, 1 / plan.linears.length),
    async errorOf(linears) {
      signal.throwIfAborted();
      const part = planOf(linears.filter((linear) => !stored.has(linear)));
      const own = linears.filter((linear) => stored.has(linear));
      const { worst } = await outputs.errorsOf({ part, twice, stored: own }, mostSamples);
      progress(++tried, null, 'looking for what moves the outputs');
      return worst;
    },
    spare(linear) {
      const { kind, input } = linear.operator;
      if (stored.has(linear)) {
        stored.delete(linear);
        float.add(linear);
        return false;
      }
      if (kind === 'matrix' && canBeTwice.has(input) && !integers.has(input) && !twice.has(input)) {
        twice.add(input);
        addedBy.set(input, linear);
      } else stored.add(linear);
      return true;
    },
    restore(linear) {
      const from = [stored, float].find((some) => some.delete(linear));
      const { input } = linear.operator;
      // It may serve other products of the same value too: what they lose without it counts as well.
      const wasTwice = addedBy.get(input) === linear && twice.delete(input);
      return () => {
        from?.add(linear);
        if (wasTwice) twice.add(input);
      };
    },
  });
  if (error > limit && error > before * hopeless)
    return { before, after: before, stored: [], float: [], twice: already };
  const inOrder = (some: ReadonlySet<PlannedLinear>) => plan.linears.filter((linear) => some.has(linear));
  return { before, after: error, stored: inOrder(stored), float: inOrder(float), twice };
}
