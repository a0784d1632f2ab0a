// Wave files of a folder, brought to one sampling rate, whole or in frames. Frames of a model with state follow each other as one
// sequence; with a hop shorter than the frame, the samples before are repeated as context.
import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import type { Feeds, ValueInfo } from '../../engine/index.js';
import { usageError } from '../../errors.js';
import { MemoryTensor } from '../../tensor/index.js';
import type { ParsedDataOptions } from '../data-options.js';
import type { ModelInterface, Sample, StatePair } from '../dataset.js';
import { convert, formatInput, integerTensor } from '../fit.js';
import { listLabelled } from '../labelled-files.js';
import { classTarget, example, type IndexedSource } from '../source.js';
import { pairStates } from '../state.js';
import { resampleAudio } from './resample-audio.js';
import { labelAt, readSegments } from './segments.js';
import { readWav } from './wav.js';

const defaultRate = 16000;

export async function openAudio(
  path: string,
  options: ParsedDataOptions,
  model: ModelInterface,
): Promise<IndexedSource> {
  const rate = options.sampleRate ?? defaultRate;
  const { input, states, rateInput } = audioInputs(model);
  const framing = frameOf(input, states, options);
  const { files, classNames } = await listLabelled(path, options, (name) => extname(name).toLowerCase() === '.wav');
  if (files.length === 0) throw usageError(`${path} holds no wav files`);
  const shared: Feeds = rateInput ? { [rateInput.name]: rateTensor(rateInput, rate) } : {};
  return {
    kind: 'audio',
    noun: `wav files of ${path}`,
    size: files.length,
    classNames,
    states,
    async read(index) {
      const { file, label } = files[index];
      const audio = await readWav(file);
      const samples = resampleAudio(audio.samples, audio.rate, rate);
      const feed = (frame: Float32Array): Feeds => ({ ...shared, [input.name]: waveform(frame, input) });
      if (!framing) return [example(feed(samples), label === null ? null : classTarget(label))];
      const segments = readSegments(file.replace(/\.wav$/i, '.scv'), existsSync);
      return frames(samples, framing).map(({ frame, centre }, i): Sample => {
        const answer = segments ? labelAt(segments, centre / rate) : label;
        return example(feed(frame), answer === null ? null : classTarget(answer), i > 0);
      });
    },
  };
}

function audioInputs(model: ModelInterface) {
  const floats = model.inputs.filter(({ type }) => type && /^float(16|32|64)$/.test(type.dataType));
  const input =
    floats.find(({ name }) => /^(input|audio|waveform|wav|samples|speech|signal|x)/i.test(name)) ?? floats[0];
  if (!input) throw usageError(`The model has no input for audio: ${model.inputs.map(formatInput).join(', ')}`);
  const rateInput = model.inputs.find(({ name }) => /^(sr|rate|sample_?rate|sampling_?rate)$/i.test(name)) ?? null;
  const given = new Set([input.name, ...(rateInput ? [rateInput.name] : [])]);
  return { input, rateInput, states: pairStates(model, given) };
}

interface Framing {
  readonly frame: number;
  readonly hop: number;
}

/** Null: whole clips. */
function frameOf(input: ValueInfo, states: readonly StatePair[], options: ParsedDataOptions): Framing | null {
  const length = input.type?.shape?.at(-1);
  const fixed = typeof length === 'number' ? length : null;
  if (fixed !== null && options.frame !== undefined && options.frame !== fixed) {
    throw usageError(`Input ${formatInput(input)} takes frames of ${fixed} samples, not ${options.frame}`);
  }
  const frame = fixed ?? options.frame ?? null;
  if (frame === null) {
    if (states.length === 0) return null;
    throw usageError(
      `The model carries state (${states.map((pair) => pair.input).join(', ')}), and the length of its steps is not known`,
      'Name it with --frame, in samples.',
    );
  }
  const hop = options.hop ?? frame;
  if (hop > frame) throw usageError(`--hop ${hop} is longer than the frame of ${frame} samples`);
  return { frame, hop };
}

/** Frames that each end after `hop` more samples; silence before the clip and after it. */
function frames(samples: Float32Array, { frame, hop }: Framing) {
  const count = Math.max(1, Math.ceil(samples.length / hop));
  return Array.from({ length: count }, (_, i) => {
    const end = (i + 1) * hop;
    const start = end - frame;
    const data = new Float32Array(frame);
    const from = Math.max(0, start);
    data.set(samples.subarray(from, Math.min(end, samples.length)), from - start);
    return { frame: data, centre: end - hop / 2 };
  });
}

function waveform(frame: Float32Array, { type }: ValueInfo) {
  const rank = type?.shape?.length ?? 2;
  const tensor = new MemoryTensor('float32', [...new Array<number>(rank - 1).fill(1), frame.length], frame);
  return convert(tensor, type?.dataType ?? 'float32') ?? tensor;
}

function rateTensor({ type }: ValueInfo, rate: number) {
  const shape = new Array<number>(type?.shape?.length ?? 0).fill(1);
  const dataType = type?.dataType ?? 'int64';
  if (dataType.startsWith('float')) return new MemoryTensor('float32', shape, Float32Array.of(rate));
  return integerTensor(dataType, shape, [rate]);
}
