// Rounded matrices as they are stored, decoded again by the formulas of the operators that read them.
import { describe, expect, it } from 'vitest';
import { createRandom, unpackSigned, unpackUnsigned } from '../../../src/numeric/index.js';
import { MatrixRounder, type RoundedMatrix } from '../../../src/quantization/matrices/round-matrix.js';
import { blocksFromRounded, packedFromRounded } from '../../../src/quantization/matrices/store-rounded.js';

const [k, n] = [80, 6];
const random = createRandom(2);
const weights = Float32Array.from({ length: k * n }, () => random.normal() - 0.3);
const rounder = new MatrixRounder(new Float64Array(k * k), k, { damping: 0, actOrder: false });

it.each([false, true])('packed (stored as [N, K]: %s)', (rows) => {
  const { rounding, scale }: RoundedMatrix = rounder.round(
    weights,
    n,
    { kind: 'packed', bits: 4, blockSize: 16 },
    'mse-clip',
  )!;
  const stored = packedFromRounded(rounding, scale!, 4, rows);
  const q = unpackSigned(stored.integers!, 4, k * n);
  const m = unpackSigned(stored.multipliers as Uint8Array, 4, (k / 16) * n);
  const decoded = rounding.decode();
  for (let row = 0; row < k; row++) {
    const block = Math.floor(row / 16);
    for (let column = 0; column < n; column++) {
      const element = rows ? column * k + row : row * n + column;
      const multiplier = m[rows ? column * (k / 16) + block : block * n + column];
      expect(q[element] * multiplier * scale![column]).toBeCloseTo(decoded[row * n + column], 6);
    }
  }
});

describe.each([4, 8] as const)('%i bits in blocks', (bits) => {
  it.each([
    [true, 'source', false],
    [true, 'source', true],
    [false, 'source', true],
    [true, 'channels', false],
    [false, 'channels', true],
  ] as const)('symmetric: %s, order: %s, stored as [N, K]: %s', (symmetric, order, rows) => {
    const blockSize = 32;
    const blocks = 3;
    const { rounding } = rounder.round(weights, n, { kind: 'blocks', bits, blockSize, symmetric }, 'mse-clip')!;
    const scheme = { bits, blockSize, symmetric, search: 'mse-clip' } as const;
    const { integers, scales, zeroPoints } = blocksFromRounded(rounding, { k, n, rows }, scheme, order);
    const together = order === 'channels' || rows;
    const unpack = (bytes: Uint8Array, count: number): ArrayLike<number> => {
      if (order === 'source' && symmetric) return bits === 4 ? unpackSigned(bytes, 4, count) : new Int8Array(bytes);
      return bits === 4 ? unpackUnsigned(bytes, 4, count) : bytes;
    };
    const rowLength = order === 'channels' ? blocks * blockSize : k;
    const q = unpack(integers.bytes(), together ? n * rowLength : k * n);
    // A byte begins with every channel of MatMulNBits.
    const zeroRow = order === 'channels' && bits === 4 ? 4 : blocks;
    const z = zeroPoints ? unpack(zeroPoints.bytes(), n * zeroRow) : null;
    const middle = order === 'channels' ? 2 ** (bits - 1) : 0;
    const values = scales.readFloat32();
    const decoded = rounding.decode();
    for (let row = 0; row < k; row++) {
      const block = Math.floor(row / blockSize);
      for (let column = 0; column < n; column++) {
        const element = together ? column * rowLength + row : row * n + column;
        const scale = values[together ? column * blocks + block : block * n + column];
        const zero = z ? z[together ? column * zeroRow + block : block * n + column] : middle;
        expect((q[element] - zero) * scale).toBeCloseTo(decoded[row * n + column], 6);
      }
    }
  });
});
