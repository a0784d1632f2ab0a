// Opens data for a model: detects what it is, selects samples, fits them to the inputs and batches them.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { ioError, usageError } from '../errors.js';
import { openArrays } from './arrays/array-source.js';
import { openAudio } from './audio/audio-source.js';
import { batchSamples, fixedBatch } from './batch.js';
import { type DataOptions, dataOptions, type ParsedDataOptions } from './data-options.js';
import type { DataKind, Dataset, ModelInterface, Sample, StatePair } from './dataset.js';
import { fitSample } from './fit.js';
import { isImage, openImages } from './images/image-source.js';
import { openModule } from './module-source.js';
import { type Selection, selectedSize, selectSamples } from './select.js';
import type { Source } from './source.js';
import { pairStates } from './state.js';
import { openLanguage } from './text/language-source.js';
import { openText } from './text/text-source.js';

export interface OpenDatasetOptions extends DataOptions {
  /** Of the random order; default 0. */
  readonly seed?: number;
}

type Open = (path: string, options: ParsedDataOptions, model: ModelInterface) => Promise<Source>;

const openers: Readonly<Record<DataKind, Open>> = {
  images: openImages,
  arrays: openArrays,
  text: openText,
  language: openLanguage,
  audio: openAudio,
  module: openModule,
};

/** Throws IO when the data cannot be read, and USAGE when it is not what the options say or does not fit the model. */
export async function openDataset(
  path: string,
  { seed = 0, ...given }: OpenDatasetOptions,
  model: ModelInterface,
): Promise<Dataset> {
  const options = dataOptions.parse(given);
  if (!existsSync(path)) throw ioError('read', path, { code: 'ENOENT' });
  const kind = options.dataKind ?? detectKind(path);
  const source = await openers[kind](path, options, model);
  const selection: Selection = {
    samples: options.samples === 'auto' ? null : (options.samples ?? null),
    shuffle: options.shuffle,
    seed,
  };
  const size = selectedSize(source, selection);
  if (size === 0) throw usageError(`${path} holds no ${source.noun.split(' of ')[0]}`);
  const first = await firstSample(source);
  const states = source.states ?? pairStates(model, new Set(Object.keys(first?.feeds ?? {})));
  // Samples of a sequence depend on each other, so they go one by one.
  const fixed = first && (states.length > 0 ? 1 : fixedBatch(model, fitSample(first, model, states)));
  return {
    kind,
    description: describe(source, selection, size),
    size,
    classNames: source.classNames ?? null,
    states,
    byteLevel: source.byteLevel ?? false,
    padding: source.padding ?? null,
    maskToken: source.maskToken ?? null,
    samples(batch = 1) {
      const samples = fitEach(selectSamples(source, selection), model, states);
      const length = fixed ?? batch;
      if (length === 1) return samples;
      return batchSamples(samples, length, { fixed: fixed !== null, padding: source.padding ?? null });
    },
    close: async () => source.close?.(),
  };
}

/** The first example that there is, selected or not; null for an empty stream. */
async function firstSample(source: Source): Promise<Sample | null> {
  if (source.size !== null) return (await source.read(0))[0] ?? null;
  for await (const sample of source.stream()) return sample;
  return null;
}

async function* fitEach(
  samples: AsyncIterable<Sample>,
  model: ModelInterface,
  states: readonly StatePair[],
): AsyncGenerator<Sample> {
  for await (const sample of samples) yield fitSample(sample, model, states);
}

function describe(
  { noun, size: available }: Source,
  { samples, shuffle, seed }: Selection,
  size: number | null,
): string {
  const order = shuffle ? `, shuffled with seed ${seed}` : '';
  if (available === null) return samples === null ? `all ${noun}${order}` : `the first ${samples} ${noun}${order}`;
  if (size === available) return `all ${available} ${noun}${order}`;
  return `${size} of ${available} ${noun}${shuffle ? order : ', evenly spread'}`;
}

const kindsByExtension: Readonly<Record<string, DataKind>> = {
  '.npz': 'arrays',
  '.npy': 'arrays',
  '.jsonl': 'text',
  '.ndjson': 'text',
  '.tsv': 'text',
  '.csv': 'text',
  '.txt': 'language',
  '.wav': 'audio',
  '.js': 'module',
  '.mjs': 'module',
  '.cjs': 'module',
  '.ts': 'module',
  '.mts': 'module',
};

/** By the extension of a file, or the first file found in a folder and its folders. */
export function detectKind(path: string): DataKind {
  if (statSync(path).isFile()) {
    const kind = kindOf(path);
    if (kind) return kind;
    throw usageError(
      `${path} is no data that dsopt knows`,
      'It reads images, .npz, .npy, .jsonl, .tsv, .csv, .txt, .wav and modules; --data-kind says what it is.',
    );
  }
  for (const folder of [path, ...subfolders(path)]) {
    for (const name of readdirSync(folder).sort()) {
      const kind = /^labels\.(tsv|csv)$/.test(name) ? null : kindOf(name);
      if (kind === 'images' || kind === 'arrays' || kind === 'audio') return kind;
    }
  }
  throw usageError(`The folder ${path} holds no images, arrays or wav files`, 'Of texts, name the file.');
}

function kindOf(path: string): DataKind | null {
  return isImage(path) ? 'images' : (kindsByExtension[extname(basename(path)).toLowerCase()] ?? null);
}

function* subfolders(path: string): Iterable<string> {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    yield join(path, entry.name);
    yield* subfolders(join(path, entry.name));
  }
}
