// Samples to calibrate with: data opened for a model, as complete feeds that can be iterated again and again.
import { dirname } from 'node:path';
import { completeFeeds, type DataOptions, type Dataset, openDataset } from '../data/index.js';
import type { Engine, Feeds, Session } from '../engine/index.js';
import type { Model } from '../ir/index.js';
import { trimPadding } from './trim-padding.js';

export interface CalibrationSettings {
  /** Path of the data. */
  readonly data: string;
  /** How to read it; 256 samples unless it says otherwise. */
  readonly dataOptions?: DataOptions;
}

export interface CalibrationSamples {
  /** One example each, the same ones in the same order each time. */
  readonly samples: AsyncIterable<Feeds>;
  /** Nobody said how many to take: those that are enough. */
  readonly auto?: boolean;
  /** What was taken from where, for reports. */
  readonly description: string;
  close(): Promise<void>;
}

export interface OpenSamplesOptions {
  readonly engine: Engine;
  readonly seed?: number;
}

const defaultSamples = 256;
/** Of which as many are taken as are enough. */
const mostSamples = 1024;
/** Decoded samples are kept up to this many bytes, so that only the first iteration decodes them. */
const mostKeptBytes = 128 << 20;

/** Throws IO and USAGE for data that cannot be read or does not fit the model. */
export async function openSamples(
  model: Model,
  { data, dataOptions }: CalibrationSettings,
  { engine, seed }: OpenSamplesOptions,
): Promise<CalibrationSamples> {
  const session = await engine.open(model, { lowMemory: true });
  try {
    const folder = model.path === null ? null : dirname(model.path);
    const { inputs, outputs } = session;
    const auto = dataOptions?.samples === 'auto';
    // The first ones must be like all of them.
    const options = auto
      ? { seed, ...dataOptions, samples: mostSamples, shuffle: true }
      : { seed, samples: defaultSamples, ...dataOptions };
    const dataset = await openDataset(data, options, { inputs, outputs, folder });
    const stateful = dataset.states.length > 0;
    return {
      samples: keepSmall(feedsOf(dataset, session)),
      auto,
      description: dataset.description,
      async close() {
        await dataset.close();
        if (stateful) await session.close();
      },
    };
  } catch (cause) {
    await session.close();
    throw cause;
  }
}

/** Feeds with state where the model carries it (the model runs for that), and without padding where it does not. */
function feedsOf(dataset: Dataset, session: Session): AsyncIterable<Feeds> {
  const { inputs } = session;
  const isStateful = dataset.states.length > 0;
  return {
    async *[Symbol.asyncIterator]() {
      for await (const feeds of completeFeeds(dataset.samples(), dataset.states, session))
        yield isStateful ? feeds : trimPadding(feeds, inputs);
    },
  };
}

/** Keeps what the first complete iteration gave, unless that is too much. */
function keepSmall(source: AsyncIterable<Feeds>): AsyncIterable<Feeds> {
  let kept: Feeds[] | null = null;
  return {
    async *[Symbol.asyncIterator]() {
      if (kept) {
        yield* kept;
        return;
      }
      const collected: Feeds[] = [];
      let bytes = 0;
      for await (const feeds of source) {
        bytes += Object.values(feeds).reduce((sum, { byteLength }) => sum + byteLength, 0);
        if (bytes <= mostKeptBytes) collected.push(feeds);
        else collected.length = 0;
        yield feeds;
      }
      if (bytes <= mostKeptBytes) kept = collected;
    },
  };
}
