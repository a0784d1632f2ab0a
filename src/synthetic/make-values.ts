// Made-up values of one input: what its consumers demand, else what suits its role, else noise that its type can hold.
import type { Random } from '../numeric/index.js';
import { type DataType, isFloat, sizeOf, type Tensor } from '../tensor/index.js';
import type { Bindings } from './dimension-plan.js';
import { encodeNumbers, encodeTexts } from './encode-numbers.js';
import { type InputRole, isChannels } from './input-role.js';
import type { Demand } from './operand-demands.js';

export interface ValueRequest {
  readonly dataType: DataType;
  readonly shape: readonly number[];
  readonly role: InputRole;
  readonly demands: readonly Demand[];
  readonly bindings: Bindings;
  /** Length of the time axis of the other inputs. */
  readonly timeSteps: number;
  /** Length of what caches hold. */
  readonly past: number;
  /** Integers that nothing is known of: noise, or this number. */
  readonly integers: 'noise' | number;
  readonly random: Random;
}

const words = ['the', 'model', 'a', 'river', 'blue', 'seven', 'über', 'Tokyo', 'x9', 'word'];

export function makeValues(request: ValueRequest): Tensor {
  const { dataType, shape } = request;
  if (dataType === 'string') return encodeTexts(shape, makeTexts(request));
  return encodeNumbers(dataType, shape, makeNumbers(request));
}

function makeTexts({ shape, demands, random }: ValueRequest): string[] {
  const choice = demands.find((demand) => demand.kind === 'oneOf');
  const texts = choice ? choice.values.map(String) : words;
  return Array.from({ length: sizeOf(shape) }, () => texts[random.int(texts.length)]);
}

function makeNumbers(request: ValueRequest): Float64Array {
  return demandedNumbers(request) ?? roleNumbers(request) ?? boundedNumbers(request) ?? noise(request);
}

/** Numbers that must be exactly what they are. */
function demandedNumbers({ shape, demands, bindings, random }: ValueRequest): Float64Array | null {
  const size = sizeOf(shape);
  for (const demand of demands) {
    switch (demand.kind) {
      case 'fill':
        return new Float64Array(size).fill(resolve(demand.value, bindings, 1));
      case 'exactly': {
        const values = demand.values.map((dim) => resolve(dim, bindings, demand.unknown));
        return Float64Array.from({ length: size }, (_, index) => values[index] ?? demand.unknown);
      }
      case 'oneOf':
        return Float64Array.from({ length: size }, () => Number(demand.values[random.int(demand.values.length)]));
    }
  }
  return null;
}

/** Numbers that only the name of the input explains. */
function roleNumbers({ role, shape, demands, bindings, timeSteps, past }: ValueRequest): Float64Array | null {
  const size = sizeOf(shape);
  const fill = (value: number): Float64Array => new Float64Array(size).fill(value);
  switch (role) {
    case 'mask':
      return fill(1);
    case 'segments':
      return fill(0);
    case 'cacheSwitch':
      return fill(past > 0 ? 1 : 0);
    case 'sampleRate':
      return fill(16000);
    case 'length':
      return fill(timeSteps);
    case 'positions': {
      const last = shape.at(-1) ?? 1;
      const limit = limitOf(demands, bindings) ?? Number.POSITIVE_INFINITY;
      return Float64Array.from({ length: size }, (_, index) => Math.min(index % last, limit - 1));
    }
    default:
      return null;
  }
}

function boundedNumbers(request: ValueRequest): Float64Array | null {
  const { demands, bindings, dataType, shape, random } = request;
  const numbers = (make: () => number): Float64Array => Float64Array.from({ length: sizeOf(shape) }, make);
  const limit = limitOf(demands, bindings);
  if (limit !== null) return numbers(() => random.int(Math.max(1, limit)));
  const range = demands.find((demand) => demand.kind === 'between');
  if (!range) return null;
  const { low, high } = range;
  return isFloat(dataType)
    ? numbers(() => low + (high - low) * random.next())
    : numbers(() => Math.ceil(low) + random.int(Math.floor(high) - Math.ceil(low) + 1));
}

/** The fewest rows of the tables that the input indexes; null when it is no index. */
function limitOf(demands: readonly Demand[], bindings: Bindings): number | null {
  const limits = demands.flatMap((demand) => (demand.kind === 'below' ? [resolve(demand.limit, bindings, 1)] : []));
  return limits.length > 0 ? Math.min(...limits) : null;
}

function resolve(dim: number | string | null, bindings: Bindings, unknown: number): number {
  return typeof dim === 'number' ? dim : ((dim !== null ? bindings.get(dim) : undefined) ?? unknown);
}

function noise({ role, dataType, shape, integers, random }: ValueRequest): Float64Array {
  const size = sizeOf(shape);
  if (role === 'image') return picture(shape, random, dataType === 'uint8' ? 255 : 1);
  if (role === 'audio') return sound(shape, random);
  if (role === 'state') return repeated(size, () => 0.1 * random.normal());
  if (isFloat(dataType)) {
    // A few numbers are settings (scales, thresholds, rates) rather than data.
    return repeated(size, size <= 4 ? () => 0.5 + 0.5 * random.next() : () => random.normal());
  }
  if (integers !== 'noise') return new Float64Array(size).fill(integers);
  switch (dataType) {
    case 'bool':
      return repeated(size, () => (shape.length === 0 ? 1 : random.int(2)));
    case 'uint8':
      return repeated(size, () => random.int(256));
    case 'int8':
      return repeated(size, () => random.int(255) - 127);
    default:
      return repeated(size, () => random.int(10));
  }
}

/** A prime, so that the repetition falls in step with no axis. */
const period = 65521;

/** `size` numbers; long inputs repeat, random numbers are slow. */
function repeated(size: number, make: () => number): Float64Array {
  const result = new Float64Array(size);
  const fresh = Math.min(size, period);
  for (let index = 0; index < fresh; index++) result[index] = make();
  for (let done = fresh; done < size; done *= 2) result.copyWithin(done, 0, Math.min(done, size - done));
  return result;
}

/** Smooth shapes with a little noise, mostly in [0, `scale`]; channels first or last. */
function picture(shape: readonly number[], random: Random, scale: number): Float64Array {
  const channelsLast = shape.length === 4 && !isChannels(shape[1]) && isChannels(shape[3]);
  const [height, width] = channelsLast ? shape.slice(1, 3) : shape.slice(-2);
  const channels = channelsLast ? shape[3] : 1;
  const plane = height * width * channels;
  const result = repeated(sizeOf(shape), () => 0.04 * random.normal());
  for (let start = 0; start < result.length; start += plane) {
    const down = Array.from({ length: channels }, () => wave(height, random));
    const across = Array.from({ length: channels }, () => wave(width, random));
    for (let index = 0; index < plane; index++) {
      const channel = index % channels;
      const pixel = (index - channel) / channels;
      const x = pixel % width;
      const y = (pixel - x) / width;
      result[start + index] =
        scale * (result[start + index] + 0.5 + 0.25 * down[channel][y] + 0.25 * across[channel][x]);
    }
  }
  return result;
}

/** A sum of slow cosines in [-1, 1]. */
function wave(length: number, random: Random): Float64Array {
  const result = new Float64Array(length);
  const count = 4;
  for (let term = 0; term < count; term++) {
    const frequency = (6 * Math.PI * random.next()) / length;
    const phase = 2 * Math.PI * random.next();
    for (let index = 0; index < length; index++) result[index] += Math.cos(index * frequency + phase) / count;
  }
  return result;
}

/** Harmonics of a voice at 16 kHz along the last axis, with a little noise. */
function sound(shape: readonly number[], random: Random): Float64Array {
  const length = shape.at(-1) ?? 1;
  const result = repeated(sizeOf(shape), () => 0.01 * random.normal());
  for (let start = 0; start < result.length; start += length) {
    const pitch = (2 * Math.PI * (90 + 200 * random.next())) / 16000;
    for (let index = 0; index < length; index++) {
      for (let harmonic = 1; harmonic <= 5; harmonic++) {
        result[start + index] += (0.15 / harmonic) * Math.sin(index * pitch * harmonic);
      }
    }
  }
  return result;
}
