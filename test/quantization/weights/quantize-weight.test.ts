// Weights as streams: pieces of any tensor, ranges scanned in parts, and integers computed while they are read. What comes out must be
// what the kernels make of the whole array.
import { describe, expect, it } from 'vitest';
import { createRandom, float32ToBfloat16Array, float32ToFloat16Array } from '../../../src/numeric/index.js';
import { inlineWorkers, type Task, type Workers } from '../../../src/parallel/index.js';
import {
  computeParameters,
  layoutOf,
  quantizedTensor,
  quantizeLinear,
  scanRanges,
  scanWeight,
  scanWeightPairs,
} from '../../../src/quantization/index.js';
import { float32Pieces } from '../../../src/quantization/parameters/weight-pieces.js';
import { MemoryTensor, restoreTensor, Tensor, type TensorDescription } from '../../../src/tensor/index.js';

function drawValues(length: number): Float32Array {
  const random = createRandom(length);
  return Float32Array.from({ length }, () => random.normal());
}

/** A tensor that comes in chunks of odd lengths, as a computed tensor may. */
class TornTensor extends Tensor {
  private readonly values: Uint8Array;

  constructor(shape: readonly number[], values: Float32Array) {
    super('float32', shape);
    this.values = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  }

  override *chunks(from = 0, to = this.byteLength): Iterable<Uint8Array> {
    for (let position = from, length = 4; position < to; position += length, length += 12) {
      yield this.values.subarray(position, Math.min(position + length, to));
    }
  }

  override describe(): TensorDescription {
    return new MemoryTensor('float32', this.shape, this.values.slice()).describe();
  }
}

describe('float32Pieces', () => {
  const values = drawValues(1000);
  it.each([1, 7, 30, 999, 1000, 5000])('gives whole units of %i elements, each once and in order', (unit) => {
    for (const tensor of [new TornTensor([1000], values), new MemoryTensor('float32', [1000], values)]) {
      const seen: number[] = [];
      for (const piece of float32Pieces(tensor, unit, 16)) {
        expect(piece.first).toBe(16 + seen.length);
        seen.push(...piece.values);
        if (seen.length < 984) expect(piece.values.length % unit).toBe(0);
      }
      expect(seen).toEqual([...values.subarray(16)]);
    }
  });

  it('converts float16 and bfloat16, and refuses the rest', () => {
    const halves = new MemoryTensor('float16', [1000], float32ToFloat16Array(values));
    const brains = new MemoryTensor('bfloat16', [1000], float32ToBfloat16Array(values));
    const [{ values: fromHalf }] = float32Pieces(halves);
    const [{ values: fromBrain }] = float32Pieces(brains);
    for (let i = 0; i < values.length; i++) {
      expect(Math.abs(fromHalf[i] - values[i])).toBeLessThanOrEqual(Math.abs(values[i]) * 2 ** -11 + 2 ** -25);
      expect(Math.abs(fromBrain[i] - values[i])).toBeLessThanOrEqual(Math.abs(values[i]) * 2 ** -8);
    }
    expect(() => [...float32Pieces(new MemoryTensor('int32', [1], new Int32Array(1)))]).toThrow('int32');
  });
});

describe('quantizedTensor', () => {
  const shape = [6, 50, 40];
  const values = drawValues(6 * 50 * 40);
  const source = new TornTensor(shape, values);
  it.each([
    ['one scale', layoutOf(shape, { kind: 'tensor' })],
    ['first axis', layoutOf(shape, { kind: 'channel', axis: 0 })],
    ['middle axis', layoutOf(shape, { kind: 'channel', axis: 1 })],
    ['last axis', layoutOf(shape, { kind: 'channel', axis: 2 })],
  ] as const)('gives what the kernels give for the whole array: %s', async (_, layout) => {
    for (const dataType of ['int8', 'uint8'] as const) {
      const scheme = { dataType, symmetric: false, granularity: { kind: 'tensor' } } as const;
      const parameters = computeParameters(scanRanges(values, layout), scheme);
      const expected = quantizeLinear(values, layout, parameters);
      const tensor = quantizedTensor(source, layout, parameters);
      expect(tensor.dataType).toBe(dataType);
      expect(tensor.read()).toEqual(expected);

      const transposed = quantizedTensor(source, layout, parameters, { transposed: true });
      expect(transposed.shape).toEqual([6, 40, 50]);
      const read = transposed.read();
      for (const [a, b, c] of [
        [0, 0, 0],
        [5, 49, 39],
        [2, 17, 33],
        [3, 48, 1],
      ]) {
        expect(read[(a * 40 + c) * 50 + b]).toBe(expected[(a * 50 + b) * 40 + c]);
      }
      // In another thread it is made of its description.
      const restored = await restoreTensor(structuredClone(tensor.describe()) as TensorDescription);
      expect(restored.read()).toEqual(expected);
    }
  });

  it('rounds so that errors cancel out when a kernel size is given', () => {
    const layout = layoutOf(shape, { kind: 'channel', axis: 0 });
    const scheme = { dataType: 'int8', symmetric: true, granularity: { kind: 'tensor' } } as const;
    const parameters = computeParameters(scanRanges(values, layout), scheme);
    const errorOf = (integers: ArrayLike<number | bigint>): number => {
      let sum = 0;
      for (let i = 0; i < 2000; i++) sum += Number(integers[i]) - values[i] / parameters.scale[0];
      return Math.abs(sum);
    };
    const compensated = quantizedTensor(source, layout, parameters, { kernelSize: 40 }).read();
    expect(errorOf(compensated)).toBeLessThanOrEqual(0.5 + 1e-6);
    expect(errorOf(quantizeLinear(values, layout, parameters))).toBeGreaterThan(0.5);
  });
});

describe('scanWeight', () => {
  /** Sends everything through a structured clone, as a thread would. */
  const cloningWorkers: Workers = {
    ...inlineWorkers,
    jobs: 4,
    run: async <Input, Output>(task: Task<Input, Output>, input: Input) =>
      structuredClone(await task.run(structuredClone(input))),
  };

  it('finds the same ranges in parts as in one piece', async () => {
    // More than one task: 16 Mi elements each.
    const shape = [4100, 4097];
    const random = createRandom(7);
    const values = Float32Array.from({ length: 1 << 16 }, () => random.normal());
    const whole = new Float32Array(shape[0] * shape[1]);
    for (let i = 0; i < whole.length; i += values.length) {
      whole.set(values.subarray(0, Math.min(values.length, whole.length - i)), i);
    }
    whole[3] = 9;
    whole[whole.length - 2] = -9;
    whole[(16 << 20) + 5] = Number.NaN;
    const tensor = new MemoryTensor('float32', shape, whole);
    for (const axis of [0, 1]) {
      const layout = layoutOf(shape, { kind: 'channel', axis });
      const ranges = await scanWeight(tensor, layout, cloningWorkers);
      expect(ranges).toEqual(scanRanges(whole, layout));
      expect(ranges.firstNonFinite).toBe((16 << 20) + 5);
      const pairs = await scanWeightPairs(tensor, layout, cloningWorkers);
      expect(pairs).toEqual(await scanWeightPairs(tensor, layout, inlineWorkers));
      expect(pairs.minimum).toEqual(ranges.minimum);
    }
  });
});
