// Runs a model and its original on the same inputs and measures how far their outputs are apart.
import type { Engine, Feeds } from '../engine/index.js';
import { DsoptError, throwIfAborted, verificationFailed } from '../errors.js';
import type { Model } from '../ir/index.js';
import { FidelityMeter } from '../metrics/index.js';
import type { Tensor } from '../tensor/index.js';
import type { NamedFidelity } from './verification.js';

export type Outputs = Readonly<Record<string, Tensor>>;

/** All outputs of `model` for each of `feeds`. Weights are mapped from their files where they can be, and nothing stays loaded. */
export async function runAll(
  engine: Engine,
  model: Model | string,
  feeds: readonly Feeds[],
  signal?: AbortSignal,
): Promise<Outputs[]> {
  const session = await engine.open(model, { lowMemory: true });
  try {
    const results: Outputs[] = [];
    for (const feed of feeds) {
      throwIfAborted(signal);
      const accepted = session.inputs.map(({ name }) => name).filter((name) => name in feed);
      results.push(await session.run(Object.fromEntries(accepted.map((name) => [name, feed[name]]))));
    }
    return results;
  } finally {
    await session.close();
  }
}

/** Distance of `results` from `originals`, output by output. Throws VERIFICATION where a result is missing or broken. */
export function compareOutputs(originals: readonly Outputs[], results: readonly Outputs[]): NamedFidelity[] {
  return Object.keys(originals[0] ?? {}).map((name) => {
    const meter = new FidelityMeter();
    for (const [index, original] of originals.entries()) {
      const result = results[index][name];
      if (!result) throw verificationFailed(`The result computes no ${name}`);
      if (result.dataType !== original[name].dataType) {
        throw verificationFailed(
          `${name} was ${original[name].dataType} and is ${result.dataType} when the model runs`,
        );
      }
      meter.add(original[name], result);
    }
    const { fidelity } = meter;
    if (fidelity.differentShapes > 0)
      throw verificationFailed(`${name} has another shape than in the original when the model runs`);
    if (fidelity.nonFinite > 0) {
      throw verificationFailed(
        `${fidelity.nonFinite} elements of ${name} are NaN or infinite where the original's are finite`,
        'Exclude nodes with --exclude until the values stay in range.',
      );
    }
    return { name, ...fidelity };
  });
}

/** The one with the least cosine. */
export function worstOf(fidelities: readonly NamedFidelity[]): NamedFidelity | null {
  return fidelities.reduce<NamedFidelity | null>(
    (worst, next) => ((next.cosine ?? 1) < (worst?.cosine ?? Number.POSITIVE_INFINITY) ? next : worst),
    null,
  );
}

/** Failures of the result mean that it is no good, not that the user's model is. */
export async function asVerification<Value>(action: () => Promise<Value>): Promise<Value> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof DsoptError && cause.code === 'MODEL_UNSUPPORTED') {
      throw verificationFailed(`The result does not run: ${cause.message}`, cause.hint ?? undefined, cause);
    }
    throw cause;
  }
}

/** The first `count` samples. */
export async function takeSamples(samples: AsyncIterable<Feeds>, count: number): Promise<Feeds[]> {
  const feeds: Feeds[] = [];
  for await (const feed of samples) {
    feeds.push(feed);
    if (feeds.length >= count) break;
  }
  return feeds;
}
