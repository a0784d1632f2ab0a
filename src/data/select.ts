// Which examples are used and in which order. Indexed sources: all in order, evenly spread when fewer are wanted, or a seeded
// permutation. Streams: the first ones, or shuffled through a buffer.
import { createRandom } from '../numeric/index.js';
import type { Sample } from './dataset.js';
import type { IndexedSource, Source } from './source.js';

export interface Selection {
  readonly samples: number | null;
  readonly shuffle: boolean;
  readonly seed: number;
}

/** Examples that are read ahead of the one in use. */
const readAhead = 8;
/** Examples that are read together, where the source can. */
const togetherLength = 8;
/** Groups of them that are read ahead. */
const groupsAhead = 3;
/** Fewer examples are read before a thread that could help has started. */
const leastTogether = 64;
/** Samples of a stream that are held to shuffle it. */
const shuffleBuffer = 1024;

/** How many examples are used; null for a stream that is read to its end. */
export function selectedSize(source: Source, { samples }: Selection): number | null {
  return source.size === null ? samples : Math.min(source.size, samples ?? source.size);
}

export async function* selectSamples(source: Source, selection: Selection): AsyncGenerator<Sample> {
  if (source.size === null) {
    const stream = selection.shuffle ? shuffled(source.stream(), selection.seed) : source.stream();
    yield* first(stream, selection.samples);
  } else {
    const indices = selectIndices(source.size, selection);
    if (source.readTogether && selectedSize(source, selection)! >= leastTogether) yield* readGroups(source, indices);
    else yield* readInOrder(source, indices);
  }
}

/** Index `i * size / n`, rounded down, of each of the n examples wanted; of a permutation when shuffled. */
export function selectIndices(size: number, { samples, shuffle, seed }: Selection): Iterable<number> {
  const count = Math.min(size, samples ?? size);
  return shuffle ? permutation(size, seed).subarray(0, count) : spread(size, count);
}

function* spread(size: number, count: number): Iterable<number> {
  for (let i = 0; i < count; i++) yield Math.floor((i * size) / count);
}

function permutation(size: number, seed: number): Uint32Array {
  const random = createRandom(seed).fork('shuffle');
  const order = Uint32Array.from({ length: size }, (_, index) => index);
  for (let i = size - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

async function* readInOrder(source: IndexedSource, indices: Iterable<number>): AsyncGenerator<Sample> {
  const pending: Promise<readonly Sample[]>[] = [];
  for (const index of indices) {
    const reading = source.read(index);
    // A failure is thrown when its turn comes; until then it must not count as unhandled.
    reading.catch(() => {});
    pending.push(reading);
    if (pending.length > readAhead) yield* (await pending.shift()) ?? [];
  }
  for (const reading of pending) yield* await reading;
}

async function* readGroups(source: IndexedSource, indices: Iterable<number>): AsyncGenerator<Sample> {
  const pending: Promise<readonly (readonly Sample[])[]>[] = [];
  for (const group of groupsOf(indices, togetherLength)) {
    const reading = source.readTogether!(group);
    reading.catch(() => {});
    pending.push(reading);
    if (pending.length > groupsAhead) for (const samples of (await pending.shift()) ?? []) yield* samples;
  }
  for (const reading of pending) for (const samples of await reading) yield* samples;
}

function* groupsOf(indices: Iterable<number>, length: number): Iterable<readonly number[]> {
  let group: number[] = [];
  for (const index of indices) {
    group.push(index);
    if (group.length < length) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

async function* first(samples: AsyncIterable<Sample>, count: number | null): AsyncGenerator<Sample> {
  let taken = 0;
  for await (const sample of samples) {
    // Steps of a sequence belong to the example that began it.
    if (!sample.continues && taken++ === count) return;
    yield sample;
  }
}

/** A random sample of the buffer leaves for each one that enters. Sequences stay together, so they are not shuffled. */
async function* shuffled(samples: AsyncIterable<Sample>, seed: number): AsyncGenerator<Sample> {
  const random = createRandom(seed).fork('shuffle');
  const buffer: Sample[][] = [];
  for await (const sample of samples) {
    if (sample.continues && buffer.length > 0) buffer[buffer.length - 1].push(sample);
    else {
      if (buffer.length >= shuffleBuffer) yield* swapOut(buffer, random.int(buffer.length));
      buffer.push([sample]);
    }
  }
  while (buffer.length > 0) yield* swapOut(buffer, random.int(buffer.length));
}

function swapOut<Item>(buffer: Item[], index: number): Item {
  const chosen = buffer[index];
  const last = buffer.pop() as Item;
  if (index < buffer.length) buffer[index] = last;
  return chosen;
}
