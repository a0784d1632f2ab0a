// What quantizing each linear operator alone does to the outputs, as `dsopt explain` measures it, with the grids that were chosen.
import type { PassContext } from '../../../src/pass/index.js';
import { isFloat, type Tensor } from '../../../src/tensor/index.js';
import type { PlannedLinear } from '../plan/plan.js';
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

/** Sum over the outputs of floats: squared error by squares. */
function relativeError(exact: Readonly<Record<string, Tensor>>, rounded: Readonly<Record<string, Tensor>>): number {
  let sum = 0;
  for (const [name, tensor] of Object.entries(exact)) {
    const other = rounded[name];
    if (!isFloat(tensor.dataType) || other.size !== tensor.size) continue;
    const values = tensor.readFloat32();
    const approximate = other.readFloat32();
    let squares = 0;
    let error = 0;
    for (let i = 0; i < values.length; i++) {
      if (!Number.isFinite(values[i])) continue;
      squares += values[i] ** 2;
      error += (values[i] - approximate[i]) ** 2;
    }
    if (squares > 0) sum += error / squares;
  }
  return sum;
}
