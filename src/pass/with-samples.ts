// The context of a pass that has samples of its own, for code that observes and sweeps those of the run.
import { observe, type SweepOptions, sweep } from '../calibration/index.js';
import type { Feeds } from '../engine/index.js';
import type { Model } from '../ir/index.js';
import type { PassContext } from './pass.js';

/** `model`: that of the pass. Nothing that calibration finds is kept. */
export function withSamples(context: PassContext, model: Model, samples: AsyncIterable<Feeds>): PassContext {
  const { engine, workers, signal, maxMemory } = context;
  const options: SweepOptions = {
    engine,
    samples,
    threads: workers.jobs,
    signal,
    onSample: (done) => context.progress(done, null),
  };
  return {
    ...context,
    samples,
    samplesAuto: false,
    kept: null,
    limitSamples() {},
    observe: (wanted, observed = model, enough) => observe(observed, wanted, { ...options, maxMemory, enough }),
    sweep: (probes, visit) => sweep(probes, visit, options),
  };
}
