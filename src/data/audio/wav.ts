// Wave files: PCM of 8 to 32 bits and IEEE floats, as mono samples in [-1, 1]. Format: RIFF/WAVE, WAVE_FORMAT_EXTENSIBLE included.
import { readFile } from 'node:fs/promises';
import { ioError, usageError } from '../../errors.js';

export interface Audio {
  readonly samples: Float32Array;
  /** Samples a second. */
  readonly rate: number;
}

const pcm = 1;
const ieeeFloat = 3;
const extensible = 0xfffe;

export async function readWav(path: string): Promise<Audio> {
  let file: Buffer;
  try {
    file = await readFile(path);
  } catch (cause) {
    throw ioError('read', path, cause);
  }
  return decodeWav(file, path);
}

/** Channels are averaged. Throws USAGE for what is no wave file, or is compressed. */
export function decodeWav(file: Buffer, path: string): Audio {
  if (file.length < 12 || file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE') {
    throw usageError(`${path} is no wave file`);
  }
  let format: Buffer | null = null;
  for (let at = 12; at + 8 <= file.length; ) {
    const id = file.toString('latin1', at, at + 4);
    const length = file.readUInt32LE(at + 4);
    // Streamed files leave the length of their data open.
    const body = file.subarray(at + 8, Math.min(at + 8 + length, file.length));
    if (id === 'fmt ') format = body;
    if (id === 'data' && format) return decodeData(format, body, path);
    at += 8 + length + (length % 2);
  }
  throw usageError(`${path} is a wave file without data`);
}

function decodeData(format: Buffer, data: Buffer, path: string): Audio {
  const tag = format.readUInt16LE(0);
  const code = tag === extensible && format.length >= 26 ? format.readUInt16LE(24) : tag;
  const channels = format.readUInt16LE(2);
  const rate = format.readUInt32LE(4);
  const bits = format.readUInt16LE(14);
  const read = sampleReader(code, bits);
  if (!read || channels === 0 || rate === 0) {
    throw usageError(
      `${path} is coded in a way (format ${code}, ${bits} bits) that dsopt does not read`,
      'Convert it to 16-bit PCM.',
    );
  }
  const width = bits / 8;
  const count = Math.floor(data.length / (width * channels));
  const samples = new Float32Array(count);
  for (let i = 0, at = 0; i < count; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++, at += width) sum += read(data, at);
    samples[i] = sum / channels;
  }
  return { samples, rate };
}

type Read = (data: Buffer, at: number) => number;

function sampleReader(code: number, bits: number): Read | null {
  if (code === ieeeFloat) {
    if (bits === 32) return (data, at) => data.readFloatLE(at);
    return bits === 64 ? (data, at) => data.readDoubleLE(at) : null;
  }
  if (code !== pcm) return null;
  if (bits === 8) return (data, at) => (data[at] - 128) / 128;
  const width = bits / 8;
  if (bits !== 16 && bits !== 24 && bits !== 32) return null;
  const scale = 2 ** (bits - 1);
  return (data, at) => data.readIntLE(at, width) / scale;
}
