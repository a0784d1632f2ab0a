// What is computed in float, or twice, for the sake of exactness: each such technique is kept where the outputs are nearer with it than without, on samples
// that nothing was fitted to.
import type { Value } from '../../../src/ir/index.js';
import type { PassContext } from '../../../src/pass/index.js';
import type { Options } from '../options.js';
import type { PlannedLinear, StaticPlan } from '../plan/plan.js';
import type { HeldOutOutputs } from './held-out-outputs.js';

export interface Placement {
  readonly linears: readonly PlannedLinear[];
  readonly residual: Options['residual'];
  /** Values whose matrix products are computed twice. */
  readonly twice: ReadonlySet<Value>;
}

export interface PlacementTechnique {
  readonly name: string;
  /** Where it is, for the report. */
  readonly place: string;
  /** Operators that it leaves in float, and why where they do not say it themselves. */
  readonly float: readonly PlannedLinear[];
  readonly reason: string;
  /** How many times as far outputs must be without it: more than once where it costs more than a little time. */
  readonly leastGain: number;
  /** Of a placement with it. */
  without(placement: Placement): Placement;
}

export interface JudgedPlacement {
  readonly placement: Placement;
  readonly kept: ReadonlySet<PlacementTechnique>;
}

/** @param placement with all of the techniques. */
export async function judgePlacement(
  placement: Placement,
  techniques: readonly PlacementTechnique[],
  outputs: HeldOutOutputs,
  planOf: (placement: Placement) => StaticPlan,
  { record, signal }: PassContext,
): Promise<JudgedPlacement> {
  const errorOf = async (placed: Placement, by: readonly PlacementTechnique[]): Promise<number> => {
    signal.throwIfAborted();
    const stored = by.flatMap(({ float }) => float);
    return (await outputs.errorsOf({ part: planOf(placed), twice: placed.twice, stored })).typical;
  };
  const kept = new Set(techniques);
  let now = placement;
  let error = techniques.length > 0 ? await errorOf(now, techniques) : 0;
  for (const technique of techniques) {
    const without = technique.without(now);
    const before = await errorOf(
      without,
      [...kept].filter((other) => other !== technique),
    );
    // Outputs of which nothing can be told decide nothing.
    if (before === error && (error === 0 || error === Number.POSITIVE_INFINITY)) continue;
    const isKept = before > technique.leastGain * error;
    const verdict = { technique: technique.name, kept: isKept, before, after: error };
    record.tried(technique.place, 'the outputs of a typical sample, by their variance', verdict);
    if (isKept) continue;
    kept.delete(technique);
    now = without;
    error = before;
  }
  return { placement: now, kept };
}
