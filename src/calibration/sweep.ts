// One pass over the samples: models run side by side on the same inputs, and each sample's values of interest are handed over and
// forgotten. While one sample is looked at, the engine computes the next.
import type { Engine, Feeds, Session } from '../engine/index.js';
import { internalError, throwIfAborted, usageError } from '../errors.js';
import type { Model, Value } from '../ir/index.js';
import { exposeValues, keepOutputs } from '../rewrite/index.js';
import type { Tensor } from '../tensor/index.js';

/** Values of the main graph of a model: of nodes, or graph inputs. */
export interface Probe {
  readonly model: Model;
  readonly values: Iterable<Value>;
}

export interface SweepOptions {
  readonly engine: Engine;
  /** One example each; iterated once by a sweep, and anew for each slice of a model that is observed in slices. */
  readonly samples: AsyncIterable<Feeds>;
  /** Threads of the engine; default 1. The results do not depend on it. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Called after each sample. */
  readonly onSample?: (done: number) => void;
  /** Asked after each sample: whether no more are needed. */
  readonly enough?: () => boolean;
}

/** The tensors of one sample by value. */
export type ProbedValues = ReadonlyMap<Value, Tensor>;

/**
 * Calls `visit` for each sample with the values of each probe, in their order, and what was fed. Returns the number of samples. Throws USAGE where there
 * are none, and what the engine throws.
 */
export async function sweep(
  probes: readonly Probe[],
  visit: (values: readonly ProbedValues[], sample: number, feeds: Feeds) => void | Promise<void>,
  { engine, samples, threads, signal, onSample, enough }: SweepOptions,
): Promise<number> {
  const runners: ProbeRunner[] = [];
  let running: RunSample | null = null;
  let done = 0;
  const finish = async ({ feeds, results }: RunSample): Promise<void> => {
    await visit(await results, done, feeds);
    done++;
    onSample?.(done);
  };
  try {
    for (const probe of probes) runners.push(await ProbeRunner.open(probe, engine, threads));
    for await (const feeds of samples) {
      throwIfAborted(signal);
      const before: RunSample | null = running;
      await before?.results;
      running = { feeds, results: runAll(runners, feeds) };
      // Awaited below in any case: an error in between must not go unhandled.
      running.results.catch(() => {});
      if (!before) continue;
      await finish(before);
      if (enough?.()) return done;
    }
    if (running) await finish(running);
  } finally {
    await running?.results.catch(() => {});
    for (const runner of runners) await runner.close();
  }
  if (done === 0) throw usageError('There are no samples to calibrate with', 'Give data with --calibration-data.');
  return done;
}

interface RunSample {
  readonly feeds: Feeds;
  readonly results: Promise<ProbedValues[]>;
}

async function runAll(runners: readonly ProbeRunner[], feeds: Feeds): Promise<ProbedValues[]> {
  const results: ProbedValues[] = [];
  for (const runner of runners) results.push(await runner.run(feeds));
  return results;
}

/** A session on a model that hands over the probed values. */
class ProbeRunner {
  private readonly session: Session | null;
  private readonly inputs: readonly Value[];
  private readonly computed: readonly Value[];

  private constructor(session: Session | null, inputs: readonly Value[], computed: readonly Value[]) {
    this.session = session;
    this.inputs = inputs;
    this.computed = computed;
  }

  static async open({ model, values }: Probe, engine: Engine, threads: number | undefined): Promise<ProbeRunner> {
    const all = [...new Set(values)];
    const computed = all.filter(({ producer }) => producer !== null);
    const inputs = all.filter(({ producer }) => producer === null);
    for (const value of computed) {
      if (value.producer?.graph !== model.graph) throw internalError(`${value.name} is not in the main graph`);
    }
    for (const value of inputs) {
      if (!model.graph.inputs.includes(value)) throw internalError(`${value.name} is no value of the main graph`);
    }
    if (computed.length === 0) return new ProbeRunner(null, inputs, computed);
    const names = new Set(computed.map(({ name }) => name));
    const exposed = exposeValues(model, names);
    // What comes behind is not computed.
    keepOutputs(exposed, names);
    // Nearly all of what is computed is handed over: a plan of buffers to use again would only hold them twice.
    return new ProbeRunner(await engine.open(exposed, { threads, memoryPattern: false }), inputs, computed);
  }

  async run(feeds: Feeds): Promise<ProbedValues> {
    const values = new Map<Value, Tensor>();
    for (const value of this.inputs) {
      const tensor = feeds[value.name];
      if (!tensor) throw usageError(`The samples hold nothing for input ${value.name}`);
      values.set(value, tensor);
    }
    if (this.session) {
      const results = await this.session.run(
        feeds,
        this.computed.map(({ name }) => name),
      );
      for (const value of this.computed) values.set(value, results[value.name]);
    }
    return values;
  }

  async close(): Promise<void> {
    await this.session?.close();
  }
}
