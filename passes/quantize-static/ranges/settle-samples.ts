// How many samples are taken where nobody said: as many as it takes for the ranges of all quantized values to stay where they are.
import { RangeConvergence } from '../../../src/calibration/index.js';
import type { Value } from '../../../src/ir/index.js';
import type { PassContext } from '../../../src/pass/index.js';

/** The first of the samples, from here on. @param values that are to be quantized. */
export async function settleSamples(values: Iterable<Value>, context: PassContext): Promise<void> {
  const convergence = new RangeConvergence(values);
  let isReached = false;
  const count = await context.observe(convergence.observers, undefined, () => {
    isReached = convergence.isReached();
    return isReached;
  });
  context.limitSamples(count);
  if (!isReached) context.record.warn(`The ranges of activations were still moving after all ${count} samples`);
}
