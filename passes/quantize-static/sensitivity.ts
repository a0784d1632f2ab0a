// What quantizing each linear operator alone does to the outputs, as `dsopt explain` measures it, with the grids that were chosen.
import type { PassContext } from '../../src/pass/index.js';
import { relativeError } from './first-operators.js';
import type { PlannedLinear } from './plan.js';
import type { RoundedModel } from './rounded-model.js';

/** Samples that are run. */
const mostSamples = 16;

/**
 * Squared error of the outputs relative to their squares, by operator, each quantized alone.
 * @param samples how many there are.
 */
export async function measureSensitivity(
  simulated: RoundedModel,
  linears: readonly PlannedLinear[],
  samples: number,
  { samples: feeds, signal, progress }: PassContext,
): Promise<Map<PlannedLinear, number>> {
  const errors = linears.map(() => 0);
  const every = Math.ceil(samples / mostSamples);
  let index = 0;
  for await (const sample of feeds!) {
    if (index++ % every !== 0) continue;
    const exact = await simulated.run(sample, null);
    for (const [which, linear] of linears.entries()) {
      signal.throwIfAborted();
      const rounded = await simulated.run(sample, { part: { linears: [linear], elementwise: [] } });
      errors[which] += relativeError(exact, rounded) / Math.min(samples, mostSamples);
      progress(which + 1, linears.length);
    }
  }
  return new Map(linears.map((linear, which) => [linear, errors[which]]));
}
