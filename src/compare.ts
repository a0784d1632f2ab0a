// Two models side by side: what they consist of, and how far the outputs of the second are from those of the first.

import type { Engine, Feeds, Session } from './engine/index.js';
import { createOnnxRuntimeEngine } from './engine/index.js';
import { throwIfAborted, unsupportedModel } from './errors.js';
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

export interface CompareOptions {
  /** How many samples are run; default 8, or as many as `samples` has. */
  readonly count?: number;
  /** Real inputs; default seeded synthetic ones. */
  readonly samples?: Iterable<Feeds> | AsyncIterable<Feeds>;
  /** Of the synthetic inputs; default 0. */
  readonly seed?: number;
  /** Shapes of inputs by name, for dynamic axes. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  readonly engine?: Engine;
  readonly signal?: AbortSignal;
  /** Called after every sample. */
  readonly onSample?: (done: number, count: number) => void;
}

/** Throws MODEL_UNSUPPORTED when one of them does not run or they share no output. */
export async function compare(
  original: Model,
  changed: Model,
  {
    count = 8,
    samples,
    seed = 0,
    inputShapes,
    engine = createOnnxRuntimeEngine(),
    signal,
    onSample,
  }: CompareOptions = {},
): Promise<ComparisonReport> {
  const names = sharedOutputs(original, changed);
  const meters = new Map(names.map((name) => [name, new FidelityMeter()]));
  const sessions: Session[] = [];
  let done = 0;
  try {
    for (const model of [original, changed]) sessions.push(await engine.open(model, { lowMemory: true }));
    const [first, second] = sessions;
    const feeds = samples ?? synthetic(await findWorkingFeeds(first, original, { seed, inputShapes, signal }), count);
    for await (const feed of feeds) {
      throwIfAborted(signal);
      const expected = await first.run(feed, names);
      const actual = await second.run(feed, names);
      for (const [name, meter] of meters) addSample(meter, name, expected, actual);
      onSample?.(++done, count);
      if (done === count) break;
    }
  } finally {
    for (const session of sessions) await session.close();
  }
  const outputs = [...meters].map(([name, meter]) => ({ name, ...meter.fidelity }));
  return {
    schema: schemaName,
    command: 'compare',
    seed,
    models: [describeModel(original), describeModel(changed)],
    differences: differences(original, changed),
    fidelity: describeFidelity({
      samples: done,
      synthetic: !samples,
      method: 'whole',
      slices: 1,
      outputs,
      worst: worstOf(outputs),
    }),
    environment: describeEnvironment(),
  };
}

function* synthetic(feeds: { at(index: number): Feeds }, count: number): Iterable<Feeds> {
  for (let index = 0; index < count; index++) yield feeds.at(index);
}

function addSample(meter: FidelityMeter, name: string, expected: Feeds, actual: Feeds): void {
  if (expected[name].dataType !== actual[name].dataType) {
    throw unsupportedModel(
      `Output ${name} is ${expected[name].dataType} in one model and ${actual[name].dataType} in the other`,
    );
  }
  meter.add(expected[name], actual[name]);
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
