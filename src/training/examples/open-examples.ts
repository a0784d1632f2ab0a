// Reads what is trained on into memory: a dataset with its right answers, or the samples that passes calibrate with.
import { dirname } from 'node:path';
import {
  type DataOptions,
  type Dataset,
  dataOptions,
  openDataset,
  type Padding,
  type Sample,
} from '../../data/index.js';
import type { Engine, Feeds, ValueInfo } from '../../engine/index.js';
import { memoryLimit, throwIfAborted, unsupportedModel, usageError } from '../../errors.js';
import type { Model } from '../../ir/index.js';
import type { TrainingOptions } from '../options.js';
import { Examples } from './examples.js';

export interface ExamplesSource {
  readonly engine: Engine;
  readonly samples: AsyncIterable<Feeds> | null;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly maxBytes: number;
}

/** Throws USAGE where there is no data, IO and USAGE from reading it, MEMORY where it is too much. */
export async function openExamples(
  model: Model,
  options: TrainingOptions,
  { engine, samples, seed, signal, maxBytes }: ExamplesSource,
): Promise<Examples> {
  const session = await engine.open(model, { lowMemory: true });
  const { inputs, outputs } = session;
  await session.close();
  if (options.data === undefined) {
    if (!samples)
      throw usageError('There is nothing to train on', 'Name it with --data, or the option data of the pass.');
    const read = await collect(asSamples(samples), signal, maxBytes);
    return new Examples(read, paddingOf(inputs), options.holdout);
  }
  checkBatches(inputs);
  const folder = model.path === null ? null : dirname(model.path);
  // Rows of their own, whatever the model takes at once: batches are made from them anew for each step.
  const interfaceOf = { inputs: inputs.map(oneRow), outputs, folder };
  const given = Object.fromEntries(
    Object.keys(dataOptions.shape).flatMap((name) => {
      const value = (options as Readonly<Record<string, unknown>>)[name];
      return value === undefined ? [] : [[name, value]];
    }),
  ) as DataOptions;
  const read = async (
    path: string,
  ): Promise<Pick<Dataset, 'padding' | 'maskToken' | 'kind'> & { samples: Sample[] }> => {
    const dataset = await openDataset(path, { seed, ...given }, interfaceOf);
    try {
      if (dataset.states.length > 0) {
        throw usageError('Models that carry state from sample to sample cannot be trained');
      }
      const { padding, maskToken, kind } = dataset;
      return { samples: await collect(dataset.samples(), signal, maxBytes), padding, maskToken, kind };
    } finally {
      await dataset.close();
    }
  };
  const { samples: own, padding, ...facts } = await read(options.data);
  const old = options.replay === undefined ? [] : withoutAnswers((await read(options.replay)).samples, own[0]);
  return new Examples([...own, ...old], padding, options.holdout, facts);
}

/** Throws MODEL_UNSUPPORTED where examples cannot be put beside each other. */
function checkBatches(inputs: readonly ValueInfo[]): void {
  const fixed = inputs.flatMap(({ name, type }) =>
    typeof type?.shape?.[0] === 'number' ? [{ name, first: type.shape[0] }] : [],
  );
  const other = fixed.find(({ first }) => first !== fixed[0].first);
  if (!other) return;
  throw unsupportedModel(
    `The first axis of ${fixed[0].name} has ${fixed[0].first} places and that of ${other.name} ${other.first}, so examples cannot be put into batches`,
    'State that a model is fed from call to call cannot be trained with.',
  );
}

function oneRow(input: ValueInfo): ValueInfo {
  const { type } = input;
  if (!type?.shape || type.shape.length < 2 || typeof type.shape[0] !== 'number') return input;
  return { ...input, type: { ...type, shape: ['batch', ...type.shape.slice(1)] } };
}

/** Old data is judged by the teacher alone, even where it has answers. */
function withoutAnswers(old: readonly Sample[], example: Sample): Sample[] {
  const targets = example.targets?.kind === 'classes' ? example.targets : null;
  return old.map((sample) => ({
    ...sample,
    targets: targets && { ...targets, values: new Int32Array(targets.values.length).fill(-1), text: null },
  }));
}

async function* asSamples(feeds: AsyncIterable<Feeds>): AsyncGenerator<Sample> {
  for await (const one of feeds) yield { feeds: one, count: 1, targets: null, continues: false };
}

/** Texts can be padded where a mask says what counts. */
function paddingOf(inputs: readonly ValueInfo[]): Padding {
  if (!inputs.some(({ name }) => /mask/i.test(name))) return null;
  const rows = inputs.filter(({ type }) => type?.dataType.startsWith('int') && type.shape?.length === 2);
  return rows.length > 0 ? Object.fromEntries(rows.map(({ name }) => [name, 0])) : null;
}

async function collect(samples: AsyncIterable<Sample>, signal: AbortSignal, maxBytes: number): Promise<Sample[]> {
  const read: Sample[] = [];
  let bytes = 0;
  for await (const sample of samples) {
    throwIfAborted(signal);
    bytes += Object.values(sample.feeds).reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (bytes > maxBytes) {
      throw memoryLimit(
        `The first ${read.length} examples take ${Math.round(bytes / 2 ** 20)} MiB, more than may be kept`,
        'Train on fewer with --samples, or raise --max-memory.',
      );
    }
    read.push(sample);
  }
  return read;
}
