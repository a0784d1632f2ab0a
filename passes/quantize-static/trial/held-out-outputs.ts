// What the outputs of a model say of a plan: their errors on held-out samples, which nothing in the plan was fitted to.
import { heldOutOf } from '../../../src/calibration/index.js';
import type { Feeds } from '../../../src/engine/index.js';
import type { Tensor } from '../../../src/tensor/index.js';
import { OutputErrors } from './output-errors.js';
import type { RoundedModel, Rounding } from './rounded-model.js';

/** Samples that are kept at least; more where outputs are a few numbers each, and inputs small. */
const fewestSamples = 6;
const enoughElements = 1 << 16;
const mostBytes = 16 << 20;

export class HeldOutOutputs {
  private readonly simulated: RoundedModel;
  private readonly exact: readonly (readonly [Feeds, Readonly<Record<string, Tensor>>])[];

  private constructor(simulated: RoundedModel, exact: HeldOutOutputs['exact']) {
    this.simulated = simulated;
    this.exact = exact;
  }

  /** @param count how many samples there are. @param most how many of the held-out ones are wanted. */
  static async of(
    simulated: RoundedModel,
    samples: AsyncIterable<Feeds>,
    count: number,
    most: number,
  ): Promise<HeldOutOutputs> {
    const exact: [Feeds, Readonly<Record<string, Tensor>>][] = [];
    let [elements, bytes] = [0, 0];
    for await (const sample of heldOutOf(samples, count, most)) {
      const outputs = await simulated.run(sample, null);
      exact.push([sample, outputs]);
      for (const { size, byteLength } of Object.values(outputs))
        [elements, bytes] = [elements + size, bytes + byteLength];
      for (const { byteLength } of Object.values(sample)) bytes += byteLength;
      if (exact.length >= most) break;
      if (exact.length >= fewestSamples && (elements >= enoughElements || bytes >= mostBytes)) break;
    }
    return new HeldOutOutputs(simulated, exact);
  }

  /** @param most samples, spread over those that are there. */
  async errorsOf(rounding: Rounding, most = Number.POSITIVE_INFINITY): Promise<OutputErrors> {
    const errors = new OutputErrors();
    const step = Math.ceil(this.exact.length / most) || 1;
    for (let index = 0; index < this.exact.length; index += step) {
      const [sample, outputs] = this.exact[index];
      errors.add(outputs, await this.simulated.run(sample, rounding));
    }
    return errors;
  }
}
