// One pass over the samples: models run side by side on the same inputs, and each sample's values of interest are handed over and
// forgotten. While one sample is looked at, the engine computes the next.
import type { Engine, Feeds, Session } from '../engine/index.js';
import { internalError, throwIfAborted, usageError } from '../errors.js';
import type { Model, Value } from '../ir/index.js';
import { exposeValues } from '../rewrite/index.js';
import type { Tensor } from '../tensor/index.js';
import type { Observer } from './observer.js';

/** Values of the main graph of a model: of nodes, or graph inputs. */
export interface Probe {
  readonly model: Model;
  readonly values: Iterable<Value>;
}

export interface SweepOptions {
  readonly engine: Engine;
  readonly samples: AsyncIterable<Feeds>;
  /** Threads of the engine; default 1. The results do not depend on it. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Called after each sample. */
  readonly onSample?: (done: number) => void;
}

/** The tensors of one sample by value. */
export type ProbedValues = ReadonlyMap<Value, Tensor>;

/**
 * Calls `visit` for each sample with the values of each probe, in their order. Returns the number of samples. Throws USAGE where there
 * are none, and what the engine throws.
 */
export async function sweep(
  probes: readonly Probe[],
  visit: (values: readonly ProbedValues[], sample: number) => void | Promise<void>,
  { engine, samples, threads, signal, onSample }: SweepOptions,
): Promise<number> {
  const runners: ProbeRunner[] = [];
  let running: Promise<ProbedValues[]> | null = null;
  let done = 0;
  const finish = async (values: readonly ProbedValues[]): Promise<void> => {
    await visit(values, done);
    done++;
    onSample?.(done);
  };
  try {
    for (const probe of probes) runners.push(await ProbeRunner.open(probe, engine, threads));
    for await (const feeds of samples) {
      throwIfAborted(signal);
      const before = await running;
      running = runAll(runners, feeds);
      // Awaited below in any case: an error in between must not go unhandled.
      running.catch(() => {});
      if (before) await finish(before);
    }
    if (running) await finish(await running);
  } finally {
    await running?.catch(() => {});
    for (const runner of runners) await runner.close();
  }
  if (done === 0) throw usageError('There are no samples to calibrate with', 'Give data with --calibration-data.');
  return done;
}

/** Hands each sample's tensor of each value to its observers. Returns the number of samples; see `sweep`. */
export async function observe(
  model: Model,
  wanted: Iterable<readonly [Value, Observer]>,
  options: SweepOptions,
): Promise<number> {
  const observers = new Map<Value, Observer[]>();
  for (const [value, observer] of wanted) observers.set(value, [...(observers.get(value) ?? []), observer]);
  return sweep(
    [{ model, values: observers.keys() }],
    async ([values]) => {
      for (const [value, all] of observers) for (const observer of all) await observer.observe(values.get(value)!);
    },
    options,
  );
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
    const exposed = exposeValues(
      model,
      computed.map(({ name }) => name),
    );
    return new ProbeRunner(await engine.open(exposed, { threads }), inputs, computed);
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
