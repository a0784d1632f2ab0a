// Inputs that are no files: spectra and mel bands of speech, what one model gives another, bytes of texts and files.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readWav } from '../../src/data/audio/wav.js';
import { createOnnxRuntimeEngine, type Feeds } from '../../src/engine/index.js';
import type { Model } from '../../src/ir/index.js';
import { float32Tensor, MemoryTensor, type Tensor } from '../../src/tensor/index.js';

export type Features =
  | 'log mel'
  | 'magnitudes'
  | 'spectrum'
  | 'clips'
  | 'mel windows'
  | 'embeddings'
  | 'text'
  | 'files';

/** `count` feeds from the first or the second half of the material: to calibrate, and to look at. Inputs that carry state are added. */
export async function featuresOf(
  kind: Features,
  shared: string,
  half: 0 | 1,
  count: number,
): Promise<readonly Feeds[]> {
  switch (kind) {
    case 'text':
      return texts(shared, half, count).map((bytes) => ({
        input: new MemoryTensor('uint8', [1, bytes.length], bytes),
      }));
    case 'files':
      return files(shared, half, count).map((bytes) => ({
        bytes: new MemoryTensor('int32', [1, bytes.length], Int32Array.from(bytes)),
      }));
    case 'magnitudes':
      return (await spectra(shared, half, count, 512, 128)).map(({ re, im }) => ({
        input_2: float32Tensor(
          [1, 1, 257],
          re.map((value, k) => Math.hypot(value, im[k])),
        ),
      }));
    case 'spectrum':
      return (await spectra(shared, half, count, 512, 256)).map(({ re, im }) => ({
        mix: float32Tensor(
          [1, 257, 1, 2],
          Float32Array.from({ length: 514 }, (_, i) => (i % 2 === 0 ? re : im)[i >> 1]),
        ),
      }));
    case 'log mel':
      return logMel(shared, half, count);
    case 'clips':
      return (await clips(shared, half, count, 16000)).map((samples) => ({
        input: float32Tensor(
          [1, samples.length],
          samples.map((value) => value * 32767),
        ),
      }));
    case 'mel windows':
      return (await melWindows(shared, half, count, 76)).map((window) => ({
        input_1: float32Tensor([1, 76, 32, 1], window),
      }));
    case 'embeddings':
      return embeddings(shared, half, count);
  }
}

async function clips(shared: string, half: 0 | 1, count: number, length: number): Promise<Float32Array[]> {
  const folder = join(shared, 'data/vad_ten_testset');
  const result: Float32Array[] = [];
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.wav'))
    .sort();
  const own = names.filter((_, index) => index % 2 === half);
  for (let position = 0; result.length < count; position++) {
    let any = false;
    for (const name of own) {
      const { samples } = await readWav(join(folder, name));
      const clip = samples.slice(position * length, (position + 1) * length);
      if (clip.length < length || result.length === count) continue;
      result.push(clip);
      any = true;
    }
    if (!any) break;
  }
  return result;
}

interface Spectrum {
  readonly re: Float32Array;
  readonly im: Float32Array;
}

/** Frames of one stretch of speech, one after the other. */
async function spectra(shared: string, half: 0 | 1, count: number, size: number, hop: number): Promise<Spectrum[]> {
  const [samples] = await clips(shared, half, 1, size + hop * count);
  return Array.from({ length: count }, (_, frame) => dft(samples.subarray(frame * hop, frame * hop + size)));
}

const twiddles = new Map<number, { cos: Float64Array; sin: Float64Array }>();

/** Hann window, then the first half of the discrete Fourier transform, as it is defined. */
function dft(frame: Float32Array): Spectrum {
  const size = frame.length;
  let table = twiddles.get(size);
  if (!table) {
    const angles = Float64Array.from({ length: size }, (_, i) => (2 * Math.PI * i) / size);
    table = { cos: angles.map(Math.cos), sin: angles.map(Math.sin) };
    twiddles.set(size, table);
  }
  const windowed = frame.map((value, i) => value * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size)));
  const bins = (size >> 1) + 1;
  const re = new Float32Array(bins);
  const im = new Float32Array(bins);
  for (let k = 0; k < bins; k++) {
    let real = 0;
    let imaginary = 0;
    for (let i = 0; i < size; i++) {
      const at = (k * i) % size;
      real += windowed[i] * table.cos[at];
      imaginary -= windowed[i] * table.sin[at];
    }
    re[k] = real;
    im[k] = imaginary;
  }
  return { re, im };
}

/** About what DNSMOS sees: 900 frames of 120 mel bands of 9 s, in dB below the loudest, from 0 to 1. */
async function logMel(shared: string, half: 0 | 1, count: number): Promise<Feeds[]> {
  const result: Feeds[] = [];
  for (const samples of await clips(shared, half, Math.min(count, 12), 900 * 160 + 320)) {
    const values = new Float32Array(900 * 120);
    for (let frame = 0; frame < 900; frame++) {
      const { re, im } = dft(samples.subarray(frame * 160, frame * 160 + 320));
      for (let band = 0; band < 120; band++) {
        const bin = Math.min(Math.round((160 * (10 ** (band / 120) - 1)) / 9), 160);
        values[frame * 120 + band] = 10 * Math.log10(re[bin] ** 2 + im[bin] ** 2 + 1e-10);
      }
    }
    const loudest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    result.push({
      input_1: float32Tensor(
        [1, 900, 120],
        values.map((value) => (Math.max(value - loudest, -80) + 40) / 40),
      ),
    });
  }
  return result;
}

/** Windows of mel frames of 32 bands, as openWakeWord's own model computes them. */
async function melWindows(shared: string, half: 0 | 1, count: number, length: number): Promise<Float32Array[]> {
  const mel = await run(
    join(shared, 'models/public/audio/oww_melspectrogram.onnx'),
    await featuresOf('clips', shared, half, 64),
  );
  const windows: Float32Array[] = [];
  for (const { output } of mel) {
    const values = output.readFloat32().map((value) => value / 10 + 2);
    for (let first = 0; first + length * 32 <= values.length; first += 8 * 32)
      windows.push(values.slice(first, first + length * 32));
  }
  return windows.slice(0, count);
}

async function embeddings(shared: string, half: 0 | 1, count: number): Promise<Feeds[]> {
  const feeds = (await melWindows(shared, half, 600, 76)).map((window) => ({
    input_1: float32Tensor([1, 76, 32, 1], window),
  }));
  const all = (await run(join(shared, 'models/public/audio/oww_embedding_model.onnx'), feeds)).map(({ conv2d_19 }) =>
    conv2d_19.readFloat32(),
  );
  return Array.from({ length: Math.min(count, all.length >> 2) }, (_, index) => {
    const values = new Float32Array(16 * 96);
    for (let step = 0; step < 16; step++) values.set(all[(index * 4 + step) % all.length], step * 96);
    return { 'onnx::Flatten_0': float32Tensor([1, 16, 96], values) };
  });
}

async function run(path: string, feeds: readonly Feeds[]): Promise<Record<string, Tensor>[]> {
  const session = await createOnnxRuntimeEngine().open(path);
  const results: Record<string, Tensor>[] = [];
  for (const feed of feeds) results.push(await session.run(feed));
  await session.close();
  return results;
}

function texts(shared: string, half: 0 | 1, count: number): Uint8Array[] {
  const lines = readFileSync(join(shared, 'data/wikitext2', half === 0 ? 'valid.txt' : 'test.txt'), 'utf8').split('\n');
  return lines
    .filter((line) => line.length > 60)
    .slice(0, count)
    .map((line) => new TextEncoder().encode(line.slice(0, 300)));
}

/** The first and last 1,024 bytes of whatever lies in the folders. */
function files(shared: string, half: 0 | 1, count: number): Uint8Array[] {
  const folders = [
    'data/imagenet-sample',
    'data/sst2',
    'data/wikitext2',
    'data/speech',
    'notes',
    'peers',
    'models/public/audio',
    '../main/src/ir',
    '../main/fixtures/cases/quantize-static',
    '../main/passes/quantize-static',
  ];
  const paths = folders.flatMap((folder) =>
    readdirSync(join(shared, folder), { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .slice(0, 12)
      .map((entry) => join(shared, folder, entry.name)),
  );
  return paths
    .filter((_, index) => index % 2 === half)
    .slice(0, count)
    .map((path) => {
      const bytes = readFileSync(path);
      return Uint8Array.from(
        { length: 2048 },
        (_, i) => (i < 1024 ? bytes[i] : bytes[Math.max(bytes.length - 2048 + i, 0)]) ?? 0,
      );
    });
}

/** Inputs of the state that a model carries from step to step, and where they come from. */
export const carriedStates: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'gtcrn_simple.onnx': { conv_cache: 'conv_cache_out', tra_cache: 'tra_cache_out', inter_cache: 'inter_cache_out' },
  'dtln_model_1_lstm.onnx': { input_3: 'tf_op_layer_stack_2' },
};

/** The feeds of consecutive steps with the states that `model` leaves. */
export async function withStates(
  model: Model,
  states: Readonly<Record<string, string>>,
  feeds: readonly Feeds[],
): Promise<Feeds[]> {
  const session = await createOnnxRuntimeEngine().open(model);
  let current: Record<string, Tensor> = {};
  for (const { name, type } of session.inputs) {
    if (!(name in states)) continue;
    const shape = type!.shape!.map(Number);
    current[name] = float32Tensor(shape, new Float32Array(shape.reduce((product, length) => product * length, 1)));
  }
  const complete: Feeds[] = [];
  for (const feed of feeds) {
    const all = { ...feed, ...current };
    complete.push(all);
    const outputs = await session.run(all);
    current = Object.fromEntries(Object.entries(states).map(([input, output]) => [input, outputs[output]]));
  }
  await session.close();
  return complete;
}
