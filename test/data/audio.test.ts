import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resampleAudio } from '../../src/data/audio/resample-audio.js';
import { decodeWav } from '../../src/data/audio/wav.js';
import { type DataOptions, openDataset } from '../../src/data/index.js';
import { temporaryFolder } from '../temporary-folder.js';
import { collect, modelInterface } from './model-interfaces.js';

const root = temporaryFolder();

interface WavFormat {
  readonly rate?: number;
  readonly channels?: number;
  readonly bits?: number;
  /** 1 PCM, 3 float. */
  readonly code?: number;
}

function wav(data: Buffer, { rate = 16000, channels = 1, bits = 16, code = 1 }: WavFormat = {}): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + data.length, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(code, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt16LE(channels * (bits / 8), 32);
  header.writeUInt16LE(bits, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}

const bytesOf = (array: Int16Array | Float32Array): Buffer => Buffer.from(array.buffer);

describe('wave files', () => {
  it.each([
    ['16 bits', wav(bytesOf(Int16Array.of(0, 16384, -32768))), [0, 0.5, -1]],
    ['8 bits', wav(Buffer.from([128, 192, 0]), { bits: 8 }), [0, 0.5, -1]],
    ['24 bits', wav(Buffer.from([0, 0, 0x40, 0, 0, 0x80]), { bits: 24 }), [0.5, -1]],
    ['floats', wav(bytesOf(Float32Array.of(0.25, -0.75)), { bits: 32, code: 3 }), [0.25, -0.75]],
    ['two channels', wav(bytesOf(Int16Array.of(16384, 0, -16384, 16384)), { channels: 2 }), [0.25, 0]],
  ] as const)('of %s', (_, file, expected) => {
    expect([...decodeWav(file, 'a.wav').samples]).toEqual(expected);
  });

  it('that are compressed, or none, are refused', () => {
    expect(() => decodeWav(wav(Buffer.alloc(4), { code: 6, bits: 8 }), 'a.wav')).toThrow(/format 6, 8 bits/);
    expect(() => decodeWav(Buffer.from('text'), 'a.wav')).toThrow(/no wave file/);
  });
});

describe('resampling', () => {
  const tone = (frequency: number, rate: number): Float32Array =>
    Float32Array.from({ length: rate / 4 }, (_, i) => Math.sin((2 * Math.PI * frequency * i) / rate));
  /** Root of the mean square away from the ends. */
  const level = (samples: Float32Array): number => {
    const middle = samples.subarray(400, -400);
    return Math.sqrt(middle.reduce((sum, value) => sum + value * value, 0) / middle.length);
  };

  it.each([
    [8000, 16000, 3000],
    [16000, 8000, 3000],
    [44100, 16000, 5000],
    [22050, 16000, 1000],
  ])('from %i to %i Hz keeps a tone of %i Hz within 80 dB', (from, to, frequency) => {
    const resampled = resampleAudio(tone(frequency, from), from, to);
    const expected = tone(frequency, to);
    expect(resampled.length).toBe(Math.ceil(((from / 4) * to) / from) || expected.length);
    const error = expected.subarray(0, resampled.length).map((value, i) => value - resampled[i]);
    expect(20 * Math.log10(level(error) / level(expected))).toBeLessThan(-80);
  });

  it('removes what the lower rate cannot hold', () => {
    expect(20 * Math.log10(level(resampleAudio(tone(6000, 16000), 16000, 8000)))).toBeLessThan(-80);
  });
});

describe('clips', () => {
  const folder = join(root, 'clips');
  mkdirSync(folder);
  const ramp = (count: number): Buffer => bytesOf(Int16Array.from({ length: count }, (_, i) => (i + 1) * 32));
  writeFileSync(join(folder, 'a.wav'), wav(ramp(10)));
  writeFileSync(join(folder, 'b.wav'), wav(ramp(3)));
  writeFileSync(join(folder, 'a.scv'), 'a,0,0.00025,0,0.00025,1,1\n');
  const vad = modelInterface(
    { input: ['float32', ['N', 'T']], state: ['float32', [2, 'N', 8]], sr: ['int64', []] },
    { output: ['float32', ['N', 1]], stateN: ['float32', ['a', 'b', 'c']] },
  );

  async function read(options: DataOptions, model = vad) {
    const dataset = await openDataset(folder, options, model);
    const samples = await collect(dataset.samples(4));
    const numbers = samples.map(({ feeds }) => [...Object.values(feeds)[0].readFloat32()].map((value) => value * 1024));
    return { dataset, samples, numbers };
  }

  it('are cut into frames that follow each other, with the samples before as context', async () => {
    const { dataset, samples, numbers } = await read({ frame: 6, hop: 4 });
    expect(dataset.states).toEqual([{ input: 'state', output: 'stateN' }]);
    expect(numbers).toEqual([
      [0, 0, 1, 2, 3, 4],
      [3, 4, 5, 6, 7, 8],
      [7, 8, 9, 10, 0, 0],
      [0, 0, 1, 2, 3, 0],
    ]);
    expect(samples.map(({ continues }) => continues)).toEqual([false, true, true, false]);
    expect(samples.map(({ count }) => count)).toEqual([1, 1, 1, 1]);
    expect(samples[0].feeds.sr.readNumbers()).toEqual([16000]);
  });

  it('are labelled by the parts that a .scv file names', async () => {
    const { samples } = await read({ frame: 4 });
    const labels = samples.map(({ targets }) => (targets?.kind === 'classes' ? targets.values[0] : null));
    expect(labels).toEqual([0, 1, 1, null]);
  });

  it('stay whole for a model that takes any length', async () => {
    const any = modelInterface({ audio: ['float32', ['N', 'T']] });
    expect((await read({}, any)).numbers.map((clip) => clip.length)).toEqual([10, 3]);
  });

  it('need the length of a step for a model with state', async () => {
    await expect(read({})).rejects.toThrow(/carries state \(state\).*length of its steps/);
  });
});
