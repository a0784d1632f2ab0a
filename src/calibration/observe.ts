// Observers over samples: of a model that fits into memory in one sweep, of a larger one slice by slice, each slice fed from disk with what
// the one before handed over.
import { planSlices, weightBytes } from '../analysis/index.js';
import type { Feeds } from '../engine/index.js';
import { type Dimension, type Model, type TensorType, tensorType, type Value } from '../ir/index.js';
import { extractPart, valuesByName } from '../rewrite/index.js';
import type { Observer } from './observer.js';
import { type SweepOptions, sweep } from './sweep.js';
import { TensorFile } from './tensor-file.js';

export interface ObserveOptions extends SweepOptions {
  /** Bytes of weights that a session may load at once; default: no limit. */
  readonly maxMemory?: number;
}

type Observers = ReadonlyMap<Value, readonly Observer[]>;

/** Part of the memory limit that the weights of one slice may take: kernels and activations need room too. */
const sliceShare = 0.25;

/** Hands each sample's tensor of each value to its observers. Returns the number of samples; see `sweep`. */
export async function observe(
  model: Model,
  wanted: Iterable<readonly [Value, Observer]>,
  { maxMemory = Number.POSITIVE_INFINITY, ...options }: ObserveOptions,
): Promise<number> {
  const observers = new Map<Value, Observer[]>();
  for (const [value, observer] of wanted) observers.set(value, [...(observers.get(value) ?? []), observer]);
  return weightBytes(model) > maxMemory
    ? observeInSlices(model, observers, maxMemory * sliceShare, options)
    : observeWhole(model, observers, options);
}

function observeWhole(model: Model, observers: Observers, options: SweepOptions): Promise<number> {
  return sweep(
    [{ model, values: observers.keys() }],
    ([values]) => tell(observers, (value) => values.get(value)!),
    options,
  );
}

async function tell(
  observers: Observers,
  tensorOf: (value: Value) => Parameters<Observer['observe']>[0],
): Promise<void> {
  for (const [value, all] of observers) for (const observer of all) await observer.observe(tensorOf(value));
}

async function observeInSlices(
  model: Model,
  observers: Observers,
  budget: number,
  options: SweepOptions,
): Promise<number> {
  const position = new Map([...model.graph.nodes()].map((node, index) => [node, index]));
  const at = (value: Value): number => (value.producer ? (position.get(value.producer) ?? 0) : 0);
  let handedOver: TensorFile | null = null;
  let names: readonly string[] = [];
  let count = 0;
  let start = 0;
  try {
    for (const slice of planSlices(model, model, budget)) {
      const own = new Map([...observers].filter(([value]) => at(value) >= start && at(value) < slice.end));
      const next = slice.end < position.size ? new TensorFile() : null;
      try {
        const types = new Map(names.map((name) => [name, typeOf(handedOver!, name)]));
        count = await observeSlice(model, { types, handedOver, next, values: slice.values, own }, options);
      } catch (cause) {
        next?.close();
        throw cause;
      }
      handedOver?.close();
      handedOver = next;
      names = slice.values;
      start = slice.end;
    }
  } finally {
    handedOver?.close();
  }
  return count;
}

interface SliceWork {
  readonly types: ReadonlyMap<string, TensorType>;
  readonly handedOver: TensorFile | null;
  /** What takes the values that are handed on; null behind the last slice, whose values nobody needs. */
  readonly next: TensorFile | null;
  readonly values: readonly string[];
  readonly own: Observers;
}

async function observeSlice(
  model: Model,
  { types, handedOver, next, values, own }: SliceWork,
  options: SweepOptions,
): Promise<number> {
  // What was handed over and is handed on needs no computing.
  const fresh = next ? values.filter((name) => !types.has(name)) : [];
  const observed = [...own.keys()].filter(({ producer }) => producer !== null).map(({ name }) => name);
  const outputs = [...new Set([...fresh, ...observed])];
  const part = extractPart(model, types, outputs);
  const inner = valuesByName(part.graph);
  const find = (name: string): Value => inner.get(name)!;
  return sweep(
    [{ model: part, values: outputs.map(find) }],
    async ([computed], sample, feeds) => {
      const known = handedOver?.read(sample) ?? {};
      next?.append(Object.fromEntries(values.map((name) => [name, computed.get(find(name)) ?? known[name]])));
      await tell(own, (value) => (value.producer ? computed.get(find(value.name))! : feeds[value.name]));
    },
    { ...options, samples: withHandedOver(options.samples, handedOver) },
  );
}

async function* withHandedOver(samples: AsyncIterable<Feeds>, handedOver: TensorFile | null): AsyncGenerator<Feeds> {
  let index = 0;
  for await (const feeds of samples) yield handedOver ? { ...feeds, ...handedOver.read(index++) } : feeds;
}

/** An axis whose length differs among the samples is dynamic. */
function typeOf(file: TensorFile, name: string): TensorType {
  const [first, ...others] = file.descriptions(name);
  const shape = first.shape.map(
    (length, axis): Dimension => (others.every((other) => other.shape[axis] === length) ? length : null),
  );
  return tensorType(first.dataType, shape);
}
