// Made-up inputs that a session accepts: nothing says how long dynamic axes must be, so it is tried.
import type { Session } from '../engine/index.js';
import { throwIfAborted, unsupportedModel } from '../errors.js';
import type { Model } from '../ir/index.js';
import { sizeOf } from '../tensor/index.js';
import { dimensionPlans } from './dimension-plan.js';
import { createSyntheticFeeds, type SyntheticFeeds, type SyntheticOptions } from './synthetic-feeds.js';

/** A plan that would need more is not tried. */
const mostElements = 1 << 26;

/**
 * The first synthetic feeds with which `session`, which is on `model`, runs. Throws what `createSyntheticFeeds` throws, and
 * MODEL_UNSUPPORTED with the engine's first reason when nothing that was tried works.
 */
export async function findWorkingFeeds(
  session: Session,
  model: Model,
  { signal, ...options }: Omit<SyntheticOptions, 'plan' | 'integers'> & { readonly signal?: AbortSignal } = {},
): Promise<SyntheticFeeds> {
  let first: unknown = null;
  const tried = new Set<string>();
  for (const attempt of attempts()) {
    throwIfAborted(signal);
    const synthetic = createSyntheticFeeds(model, { ...options, ...attempt });
    const key = `${attempt.integers} ${JSON.stringify(synthetic.shapes)}`;
    if (tried.has(key) || elementsOf(synthetic) > mostElements) continue;
    tried.add(key);
    try {
      await session.run(synthetic.at(0));
      return synthetic;
    } catch (cause) {
      first ??= cause;
    }
  }
  throw unsupportedModel(
    `No synthetic inputs were found that the model takes: ${first instanceof Error ? first.message : first}`,
    'Give the shapes of its inputs, like --input-shape input_ids:1x128, or real inputs.',
    first,
  );
}

/** Every plan with noise; the likeliest once more with integers that are also good axes, counts and switches. */
function* attempts(): Iterable<Pick<SyntheticOptions, 'plan' | 'integers'>> {
  for (const plan of dimensionPlans) yield { plan, integers: 'noise' };
  for (const integers of [1, 0]) for (const plan of dimensionPlans.slice(0, 3)) yield { plan, integers };
}

function elementsOf({ shapes }: SyntheticFeeds): number {
  return Object.values(shapes).reduce((sum, shape) => sum + sizeOf(shape), 0);
}
