// Packed tensors: what they decode to, in both layouts, in pieces, and with a number of elements that fills no whole byte.
import { describe, expect, it } from 'vitest';
import { createRandom, unpackSigned } from '../../../src/numeric/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import {
  multiplierTensor,
  type PackedLayout,
  type PackedParameters,
  packedInt4Tensor,
  packWeight,
} from '../../../src/quantization/packed/pack-weight.js';
import { float32Tensor, transposeTensor } from '../../../src/tensor/index.js';

const scheme = { bits: 4, search: 'mse-clip' } as const;

function matrix(rows: number, columns: number) {
  const random = createRandom(1);
  return float32Tensor(
    [rows, columns],
    Float32Array.from({ length: rows * columns }, () => random.normal()),
  );
}

/** q · m · c, element by element, read from the stored bytes. */
function decode(source: ReturnType<typeof matrix>, layout: PackedLayout, parameters: PackedParameters): Float32Array {
  const { k, inner, blockSize } = layout;
  const integers = packedInt4Tensor(source, layout, parameters);
  const multipliers = multiplierTensor(source, layout, parameters);
  expect(integers.bytes().length).toBe(Math.ceil(source.size / 2));
  const q = unpackSigned(integers.bytes(), 4, source.size);
  const m = unpackSigned(multipliers.bytes(), 4, source.size / blockSize);
  return Float32Array.from(q, (value, element) => {
    const i = element % inner;
    const line = Math.floor(element / inner);
    const block = Math.floor(line / k) * (k / blockSize) + Math.floor((line % k) / blockSize);
    const multiplier = m[block * inner + i];
    if (Math.abs(value * multiplier) > 64) throw new RangeError(`${value} · ${multiplier} is beyond 64`);
    return value * multiplier * parameters.scale[inner === 1 ? Math.floor(line / k) : i];
  });
}

async function parametersOf(source: ReturnType<typeof matrix>, layout: PackedLayout): Promise<PackedParameters> {
  const found = await packWeight(source, layout, scheme, inlineWorkers);
  if (typeof found === 'string') throw new TypeError(found);
  return found;
}

it('finds the same multipliers when they are written, where memory is scarce', async () => {
  const source = matrix(96, 20);
  for (const layout of [
    { outer: 1, k: 96, inner: 20, blockSize: 16 },
    { outer: 96, k: 20, inner: 1, blockSize: 10 },
  ]) {
    const sparing = await packWeight(source, layout, { ...scheme, saveMemory: true }, inlineWorkers);
    if (typeof sparing === 'string') throw new TypeError(sparing);
    expect(sparing.multipliers).toBe(scheme.search);
    const kept = await parametersOf(source, layout);
    expect(multiplierTensor(source, layout, sparing).bytes()).toEqual(kept.multipliers);
    expect(decode(source, layout, sparing)).toEqual(decode(source, layout, kept));
  }
});

describe('packWeight', () => {
  it('comes within 5 % of the signal, and gives a matrix and its transpose the same integers', async () => {
    const [k, n] = [64, 40];
    const weight = matrix(k, n);
    const columns: PackedLayout = { outer: 1, k, inner: n, blockSize: 16 };
    const decoded = decode(weight, columns, await parametersOf(weight, columns));
    const original = weight.readFloat32();
    const error = decoded.reduce((sum, value, i) => sum + (value - original[i]) ** 2, 0);
    const signal = original.reduce((sum, value) => sum + value ** 2, 0);
    // 21.3 dB: the noise of 16 levels for a normal distribution in blocks of 16.
    expect(Math.sqrt(error / signal)).toBeLessThan(0.09);

    const turned = float32Tensor([n, k], transposeTensor(weight, [1, 0]).readFloat32());
    const rows: PackedLayout = { outer: n, k, inner: 1, blockSize: 16 };
    const fromRows = float32Tensor([n, k], decode(turned, rows, await parametersOf(turned, rows)));
    expect(transposeTensor(fromRows, [1, 0]).readFloat32()).toEqual(decoded);
  });

  it.each([
    [27, 5, 9],
    [3, 3, 3],
    [2048, 300, 32],
  ])('stores [%i, %i] in blocks of %i', async (k, n, blockSize) => {
    const weight = matrix(k, n);
    const layout: PackedLayout = { outer: 1, k, inner: n, blockSize };
    const decoded = decode(weight, layout, await parametersOf(weight, layout));
    expect(decoded.some((value) => value !== 0)).toBe(true);
    const original = weight.readFloat32();
    expect(decoded.reduce((most, x, i) => Math.max(most, Math.abs(x - original[i])), 0)).toBeLessThan(0.8);
  });

  it('says which element is not finite', async () => {
    const weight = float32Tensor([16, 2], new Float32Array(32).fill(1).with(7, Number.NaN));
    const layout: PackedLayout = { outer: 1, k: 16, inner: 2, blockSize: 16 };
    expect(await packWeight(weight, layout, scheme, inlineWorkers)).toContain('element 7');
  });
});
