// First convolutions over large maps are worth integers for their time, but some cost more than all the others together: inputs of raw
// pixels, whose channels differ by orders of magnitude behind them. What rounding does there and elsewhere is measured, on outputs.

import type { PassContext } from '../../src/pass/index.js';
import { isFloat, type Tensor } from '../../src/tensor/index.js';
import type { RoundedModel, Rounding } from './rounded-model.js';

/** Samples that are run. */
const mostSamples = 16;

/**
 * Whether `first` alone moves the outputs more than `others` do.
 * @param samples how many there are.
 */
export async function costsMost(
  simulated: RoundedModel,
  first: Rounding,
  others: Rounding,
  samples: number,
  { samples: feeds }: PassContext,
): Promise<boolean> {
  const errors = [0, 0];
  const every = Math.ceil(samples / mostSamples);
  let index = 0;
  for await (const sample of feeds!) {
    if (index++ % every !== 0) continue;
    const exact = await simulated.run(sample, null);
    for (const [which, rounding] of [first, others].entries())
      errors[which] += relativeError(exact, await simulated.run(sample, rounding));
  }
  return errors[0] > errors[1];
}

/** Sum over the outputs of floats: squared error by squares. */
export function relativeError(
  exact: Readonly<Record<string, Tensor>>,
  rounded: Readonly<Record<string, Tensor>>,
): number {
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
