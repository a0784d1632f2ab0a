// Observing with a cache: observers that can say what they saw are given back what they saw in an earlier run, and only the others see samples.
import type { Feeds } from '../engine/index.js';
import type { Model, Value } from '../ir/index.js';
import { type CacheEntry, type CalibrationCache, hashModel, hashOf } from './calibration-cache.js';
import { type ObserveOptions, observe } from './observe.js';
import type { Observer } from './observer.js';

/** An observer whose state can be kept. */
export interface KeptObserver extends Observer {
  /** What its state depends on besides the values that it sees. */
  readonly keptBy: string;
  state(): CacheEntry;
  restore(state: CacheEntry): void;
}

export interface Kept {
  readonly cache: CalibrationCache;
  /** Hash of the samples. */
  samplesHash(): Promise<string>;
}

/** As `observe`. */
export async function observeCached(
  model: Model,
  wanted: Iterable<readonly [Value, Observer]>,
  options: ObserveOptions,
  kept: Kept | null,
): Promise<number> {
  const pairs = [...wanted];
  if (!kept || !pairs.some(([, observer]) => isKept(observer))) return observe(model, pairs, options);
  const { cache } = kept;
  const base = hashOf(hashModel(model), await kept.samplesHash());
  let count = 0;
  const left: (readonly [Value, Observer])[] = [];
  const missing: { readonly key: string; readonly observer: KeptObserver }[] = [];
  for (const pair of pairs) {
    const [value, observer] = pair;
    const key = isKept(observer) ? hashOf(base, value.name, observer.keptBy) : null;
    const entry = key === null ? null : cache.get(key);
    if (entry) {
      (observer as KeptObserver).restore(entry);
      count = Number(entry.samples);
      continue;
    }
    left.push(pair);
    if (key !== null) missing.push({ key, observer: observer as KeptObserver });
  }
  if (left.length > 0) count = await observe(model, left, options);
  for (const { key, observer } of missing) cache.set(key, { ...observer.state(), samples: count });
  return count;
}

function isKept(observer: Observer): observer is KeptObserver {
  return 'keptBy' in observer;
}

/** At most `count()` of the samples, which may become fewer meanwhile. */
export async function* limitSamples(samples: AsyncIterable<Feeds>, count: () => number): AsyncGenerator<Feeds> {
  let given = 0;
  for await (const feeds of samples) {
    if (given++ >= count()) return;
    yield feeds;
  }
}
