// What onnxruntime computes from weights in blocks, bit by bit against a dequantization of the stored bytes as the operators' documents tell it.
import { describe, expect, it } from 'vitest';
import { quantizeWeights } from '../../../passes/quantize-weights/index.js';
import { type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import type { Pass } from '../../../src/pass/index.js';
import { float32Tensor, int64Tensor, type Tensor } from '../../../src/tensor/index.js';
import { engine, runOnCopy } from '../../fixture-models.js';

function matrix(rows: number, columns: number): Tensor {
  const random = createRandom(rows * 1000 + columns);
  return float32Tensor(
    [rows, columns],
    Float32Array.from({ length: rows * columns }, () => random.normal() + 0.3),
  );
}

function withWeight(text: string, weight: Tensor): Model {
  const model = parseModel(text);
  [...model.graph.initializers].find(({ name }) => name === 'w')!.constant = weight;
  return model;
}

/** Bytes of the initializer whose name ends so. */
function stored(model: Model, ending: string): Tensor {
  const value = [...model.graph.initializers].find(({ name }) => name.endsWith(ending));
  if (!value?.constant) throw new TypeError(`no initializer ${ending}`);
  return value.constant;
}

/** Element `index` of packed bytes. */
function element(bytes: Uint8Array, index: number, bits: number): number {
  const perByte = 8 / bits;
  return (bytes[Math.floor(index / perByte)] >> ((index % perByte) * bits)) & (2 ** bits - 1);
}

/** MatMulNBits: B [N, blocks, bytes], scales [N, blocks], zero points [N, bytes], to [K, N]. */
function dequantizeNBits(model: Model, [k, n]: readonly number[], bits: number, blockSize: number, symmetric: boolean) {
  const blocks = Math.ceil(k / blockSize);
  const integers = stored(model, `_q${bits}`).bytes();
  expect(integers.length).toBe((n * blocks * blockSize * bits) / 8);
  const scales = stored(model, '_scales').readFloat32();
  const zeroPoints = symmetric ? null : stored(model, '_zero_points').bytes();
  const perChannel = Math.ceil((blocks * bits) / 8) * (8 / bits);
  const result = new Float32Array(k * n);
  for (let column = 0; column < n; column++) {
    for (let row = 0; row < k; row++) {
      const block = Math.floor(row / blockSize);
      const q = element(integers, column * blocks * blockSize + row, bits);
      const zero = zeroPoints ? element(zeroPoints, column * perChannel + block, bits) : 2 ** (bits - 1);
      result[row * n + column] = Math.fround((q - zero) * scales[column * blocks + block]);
    }
  }
  return result;
}

async function run(model: Model, feeds: Readonly<Record<string, Tensor>>): Promise<Float32Array> {
  const session = await engine.open(model, { optimization: 'disabled' });
  const { y } = await session.run(feeds);
  await session.close();
  return y.readFloat32();
}

function identity(k: number): Tensor {
  return float32Tensor(
    [k, k],
    Float32Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0)),
  );
}

function largestError(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

/** Odd numbers of blocks, last blocks that are not full, and rows of odd length. */
const shapes = [
  [64, 8, 32],
  [80, 5, 16],
  [40, 6, 16],
  [33, 7, 32],
] as const;

describe.each([
  [4, true],
  [4, false],
  [8, true],
  [8, false],
  [3, true],
  [3, false],
  [2, true],
  [2, false],
] as const)('%i bits, symmetric: %s', (given, symmetric) => {
  const options = { bits: given, symmetric, minimumSize: 1, accuracyLevel: 0 };
  // No format holds three.
  const bits = given === 3 ? 4 : given;
  // Half a step: at most so many levels over the range of the block, some of which is cut off.
  const bound = { 8: 0.06, 4: 1, 3: 2, 2: 3 }[given];

  it.each(shapes)('MatMulNBits of [%i, %i] in blocks of %i gives the stored weight', async (k, n, blockSize) => {
    for (const transposed of [false, true]) {
      const weight = transposed ? matrix(n, k) : matrix(k, n);
      const node = transposed ? 'Gemm <transB = 1> (x, w)' : 'MatMul (x, w)';
      const text = `<ir_version: 10, opset_import: ["" : 17]>
test (float[m,${k}] x) => (float[m,${n}] y) <float[1] w = {0}>
{
  h = ${node}
  y = Abs (h)
}`;
      const original = withWeight(text, weight);
      const { model, report } = await runOnCopy(original, quantizeWeights as unknown as Pass, {
        ...options,
        blockSize,
        compute: 'nbits',
      });
      expect(report.changed).toHaveLength(1);
      const expected = dequantizeNBits(model, [k, n], bits, blockSize, symmetric);
      const computed = await run(model, { x: identity(k) });
      expect(computed).toEqual(expected.map(Math.abs));
      const restored = await run(original, { x: identity(k) });
      expect(largestError(computed, restored)).toBeLessThan(bound);
    }
  });

  // The last: a scale a channel, of more elements than kernels take.
  it.skipIf(given === 2).each([...shapes, [300, 6, 0]] as const)(
    'DequantizeLinear of [%i, %i] in blocks of %i gives the stored weight',
    async (k, n, size) => {
      const blockSize = size === 0 ? k : size;
      for (const transposed of [false, true]) {
        const weight = transposed ? matrix(n, k) : matrix(k, n);
        const node = transposed ? 'Gemm <transB = 1> (x, w)' : 'MatMul (x, w)';
        const text = `<ir_version: 10, opset_import: ["" : 17]>
test (float[m,${k}] x) => (float[m,${n}] y) <float[1] w = {0}>
{
  h = ${node}
  y = Abs (h)
}`;
        const original = withWeight(text, weight);
        const { model } = await runOnCopy(original, quantizeWeights as unknown as Pass, {
          ...options,
          blockSize: size,
          compute: 'dequantize',
        });
        const integers = stored(model, `_q${bits}`);
        expect(integers.byteLength).toBe(Math.ceil((k * n * bits) / 8));
        const scales = stored(model, '_scales').readFloat32();
        const zeroPoints = symmetric ? null : stored(model, '_zero_points').bytes();
        const blocks = Math.ceil(k / blockSize);
        const expected = Float32Array.from({ length: k * n }, (_, index) => {
          const [row, column] = [Math.floor(index / n), index % n];
          const block = Math.floor(row / blockSize);
          const parameter = transposed ? column * blocks + block : block * n + column;
          const raw = element(integers.bytes(), transposed ? column * k + row : index, bits);
          const q = symmetric && raw >= 2 ** (bits - 1) ? raw - 2 ** bits : raw;
          const zero = zeroPoints ? element(zeroPoints, parameter, bits) : 0;
          return Math.abs(Math.fround((q - zero) * scales[parameter]));
        });
        expect(await run(model, { x: identity(k) })).toEqual(expected);
      }
    },
  );
});

describe('GatherBlockQuantized', () => {
  it.each([true, false])(
    'takes rows of the table that MatMulNBits multiplies with (symmetric: %s)',
    async (symmetric) => {
      const text = `<ir_version: 10, opset_import: ["" : 17]>
test (int64[6] i) => (float[6,12] y, float[6,48] e) <float[1] w = {0}>
{
  e = Gather (w, i)
  t = Transpose <perm = [1, 0]> (w)
  y = MatMul (e, t)
}`;
      const { model, report } = await runOnCopy(withWeight(text, matrix(12, 48)), quantizeWeights as unknown as Pass, {
        symmetric,
        minimumSize: 1,
        accuracyLevel: 0,
        embeddingBits: 4,
        blockSize: 16,
        compute: 'nbits',
      });
      expect(report.changed).toHaveLength(2);
      // One copy of the bytes for both.
      expect([...model.graph.initializers].filter(({ name }) => name.endsWith('_q4'))).toHaveLength(1);
      const columns = dequantizeNBits(model, [48, 12], 4, 16, symmetric);
      const indices = [0, 11, 3, 3, 7, 1];
      const session = await engine.open(model);
      const { e } = await session.run({ i: int64Tensor([6], indices) });
      await session.close();
      const expected = indices.flatMap((row) => Array.from({ length: 48 }, (_, k) => columns[k * 12 + row]));
      expect(e.readFloat32()).toEqual(Float32Array.from(expected));
    },
  );
});
