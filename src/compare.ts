// Two models side by side: what they consist of, and how far the outputs of the second are from those of the first.
import type { Dataset } from './data/index.js';
import type { Engine, Feeds, Session } from './engine/index.js';
import { createOnnxRuntimeEngine } from './engine/index.js';
import { unsupportedModel } from './errors.js';
import { describeEvaluation, type EvaluateOptions } from './evaluate.js';
import { type Evaluation, evaluate, evaluateModels, outputKind, requireMetric } from './evaluation/index.js';
import { formatType, type Model, type Value } from './ir/index.js';
import { FidelityMeter } from './metrics/index.js';
import {
  type ComparisonReport,
  describeEnvironment,
  describeFidelity,
  describeModel,
  schemaName,
} from './report/index.js';
import { findWorkingFeeds } from './synthetic/index.js';
import { worstOf } from './verification/index.js';

export interface CompareOptions
  extends Pick<EvaluateOptions, 'data' | 'dataOptions' | 'metrics' | 'outputName' | 'batch' | 'threads'> {
  /** How many samples are run, not of `data`; default 8, or as many as `samples` has. */
  readonly count?: number;
  /** Real inputs; default `data`, or seeded synthetic ones. */
  readonly samples?: Iterable<Feeds> | AsyncIterable<Feeds>;
  /** Of the synthetic inputs and of intervals; default 0. */
  readonly seed?: number;
  /** Shapes of inputs by name, for dynamic axes. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  readonly engine?: Engine;
  readonly signal?: AbortSignal;
  /** Called after every sample; `count` is null where only the end will tell. */
  readonly onSample?: (done: number, count: number | null) => void;
}

/** Throws MODEL_UNSUPPORTED when one of them does not run or they share no output, and for `data` what `evaluate` throws. */
export async function compare(
  original: Model,
  changed: Model,
  options: CompareOptions = {},
): Promise<ComparisonReport> {
  const { seed = 0, engine = createOnnxRuntimeEngine(), batch = 1, threads = 1 } = options;
  const tap = new OutputTap(engine, sharedOutputs(original, changed));
  const settings = { ...options, engine: tap.engine, batch, threads, seed, onProgress: options.onSample };
  const models = [describeModel(original), describeModel(changed)] as const;
  const found =
    options.data === undefined
      ? await onSamples(original, changed, settings)
      : await evaluate([original, changed], { ...settings, data: options.data });
  const outputs = [...tap.meters].map(([name, meter]) => ({ name, ...meter.fidelity }));
  const [first, second] = describeEvaluation(
    found,
    models.map(({ bytes }) => bytes),
  );
  return {
    schema: schemaName,
    command: 'compare',
    seed,
    models: [...models],
    differences: differences(original, changed),
    fidelity: describeFidelity({
      samples: found.examples,
      synthetic: !options.samples && options.data === undefined,
      method: 'whole',
      slices: 1,
      outputs,
      worst: worstOf(outputs),
    }),
    evaluation: {
      data: { path: options.data ?? null, description: found.data, examples: found.examples },
      evalCommand: null,
      output: found.output,
      batch,
      threads,
      models: [first, second],
    },
    environment: describeEnvironment(),
  };
}

/** Without right answers: how close the answers of the second model are to those of the first. */
async function onSamples(
  original: Model,
  changed: Model,
  options: CompareOptions & { readonly engine: Engine; readonly seed: number },
): Promise<Evaluation & { readonly data: string }> {
  const { engine, samples, seed, inputShapes, signal, count = samples ? null : 8 } = options;
  const sessions: Session[] = [];
  try {
    for (const model of [original, changed]) sessions.push(await engine.open(model, { lowMemory: true }));
    const feeds =
      samples ?? synthetic(await findWorkingFeeds(sessions[0], original, { seed, inputShapes, signal }), count ?? 0);
    const models = [original, changed].map((model, index) => ({
      name: model.path,
      session: sessions[index],
      outputKind: (output: string) => outputKind(model, output),
    }));
    const metrics = (options.metrics ?? []).map(requireMetric);
    const evaluation = await evaluateModels(models, asDataset(feeds, count), { ...options, metrics, batch: 1 });
    return { ...evaluation, data: samples ? 'the given samples' : 'seeded synthetic inputs, not real data' };
  } finally {
    for (const session of sessions) await session.close();
  }
}

function* synthetic(feeds: { at(index: number): Feeds }, count: number): Iterable<Feeds> {
  for (let index = 0; index < count; index++) yield feeds.at(index);
}

function asDataset(feeds: Iterable<Feeds> | AsyncIterable<Feeds>, count: number | null): Dataset {
  return {
    kind: 'module',
    description: '',
    size: count,
    classNames: null,
    states: [],
    byteLevel: false,
    padding: null,
    maskToken: null,
    async *samples() {
      let done = 0;
      for await (const feed of feeds) {
        yield { feeds: feed, count: 1, targets: null, continues: false };
        if (++done === count) return;
      }
    },
    async close() {},
  };
}

/** Sees what the sessions of both models give for each sample, the first model's first, and compares the outputs they share. */
class OutputTap {
  readonly meters: ReadonlyMap<string, FidelityMeter>;
  readonly engine: Engine;
  private expected: Feeds | null = null;

  constructor(
    engine: Engine,
    private readonly names: readonly string[],
  ) {
    this.meters = new Map(names.map((name) => [name, new FidelityMeter()]));
    this.engine = { ...engine, open: async (model, options) => this.listen(await engine.open(model, options)) };
  }

  private listen(session: Session): Session {
    return {
      inputs: session.inputs,
      outputs: session.outputs,
      profile: () => session.profile(),
      close: () => session.close(),
      run: async (feeds, wanted) => {
        // Trial runs ask for everything; the samples that count name what they want.
        if (!wanted) return session.run(feeds);
        const outputs = await session.run(feeds, [...new Set([...wanted, ...this.names])]);
        if (this.expected) this.compareWith(this.expected, outputs);
        this.expected = this.expected ? null : outputs;
        return outputs;
      },
    };
  }

  private compareWith(expected: Feeds, actual: Feeds): void {
    for (const [name, meter] of this.meters) {
      if (expected[name].dataType !== actual[name].dataType) {
        throw unsupportedModel(
          `Output ${name} is ${expected[name].dataType} in one model and ${actual[name].dataType} in the other`,
        );
      }
      meter.add(expected[name], actual[name]);
    }
  }
}
function sharedOutputs(original: Model, changed: Model): string[] {
  const others = new Set(changed.graph.outputs.map(({ name }) => name));
  const names = original.graph.outputs.map(({ name }) => name).filter((name) => others.has(name));
  if (names.length > 0) return names;
  throw unsupportedModel('The models have no output in common', 'Only models of the same interface can be compared.');
}

function differences(original: Model, changed: Model): string[] {
  const list: string[] = [];
  const inputsOf = (model: Model): Value[] => model.graph.inputs.filter(({ isInitializer }) => !isInitializer);
  compareValues('input', inputsOf(original), inputsOf(changed), list);
  compareValues('output', original.graph.outputs, changed.graph.outputs, list);
  for (const domain of new Set([...original.opsetImports.keys(), ...changed.opsetImports.keys()])) {
    const [before, after] = [original.opsetImports.get(domain), changed.opsetImports.get(domain)];
    if (before !== after) list.push(`opset ${domain || 'of ONNX'}: ${before ?? 'none'} → ${after ?? 'none'}`);
  }
  return list;
}

function compareValues(kind: string, before: readonly Value[], after: readonly Value[], list: string[]): void {
  const types = new Map(after.map(({ name, type }) => [name, formatType(type)]));
  for (const { name, type } of before) {
    const other = types.get(name);
    if (other === undefined) list.push(`${kind} ${name} is missing`);
    else if (other !== formatType(type)) list.push(`${kind} ${name}: ${formatType(type)} → ${other}`);
    types.delete(name);
  }
  for (const name of types.keys()) list.push(`${kind} ${name} is new`);
}
