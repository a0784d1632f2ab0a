// What passes judge units by where nobody gave data: seeded synthetic inputs, which the report calls so.
import type { Feeds } from '../../engine/index.js';
import type { Model } from '../../ir/index.js';
import type { PassContext } from '../../pass/index.js';
import { findWorkingFeeds } from '../../synthetic/index.js';

const madeUpCount = 16;

/** The samples of the run, else made-up ones, with a warning. Throws MODEL_UNSUPPORTED where the model takes none that were tried. */
export async function samplesOrMadeUp(model: Model, context: PassContext): Promise<AsyncIterable<Feeds>> {
  if (context.samples) return context.samples;
  const session = await context.engine.open(model);
  try {
    const synthetic = await findWorkingFeeds(session, model, { signal: context.signal });
    context.record.warn(
      'Judged on made-up inputs: give data with --calibration-data for a choice that means something.',
    );
    return {
      async *[Symbol.asyncIterator]() {
        for (let index = 0; index < madeUpCount; index++) yield synthetic.at(index);
      },
    };
  } finally {
    await session.close();
  }
}
