import { describe, expect, test } from 'vitest';
import { pruneWeights } from '../../../passes/prune-weights/index.js';
import { globalShares, magnitudes, maskOfPattern, maskOfShare } from '../../../passes/prune-weights/magnitudes.js';
import { solveMasked } from '../../../passes/prune-weights/masked-least-squares.js';
import { cubicSchedule } from '../../../passes/prune-weights/schedule.js';
import { sparsify } from '../../../passes/prune-weights/sparse-gpt.js';
import { type Feeds, MatrixProducts } from '../../../src/engine/index.js';
import { cloneModel, type Model } from '../../../src/ir/index.js';
import {
  createRandom,
  matrixFrom,
  multiplyTransposed,
  type Random,
  solvePositiveDefinite,
} from '../../../src/numeric/index.js';
import { loadModel } from '../../../src/onnx/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { runPass } from '../../../src/pass/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { randomModel } from '../../analysis/channel-groups/removal.js';
import { engine, fixturePath, outputsOf, relativeError } from '../../fixture-models.js';

describe('magnitudes and masks, by hand', () => {
  test('rows are divided by their norms', () => {
    const scores = magnitudes(Float32Array.of(3, -4, 0, 0), 2, 'l2');
    expect([...scores].map((score) => score.toFixed(3))).toEqual(['0.600', '0.800', '0.000', '0.000']);
  });

  test('or by the sums of their magnitudes, or not at all', () => {
    expect([...magnitudes(Float32Array.of(3, -1, 0, 0), 2, 'l1')]).toEqual([0.75, 0.25, 0, 0]);
    expect([...magnitudes(Float32Array.of(3, -1, 0, 0), 2, 'none')]).toEqual([3, 1, 0, 0]);
  });

  test('the cubic schedule from 20 % to 60 %', () => {
    expect(cubicSchedule(0.2, 0.6, 3).map((share) => share.toFixed(3))).toEqual(['0.200', '0.550', '0.600']);
  });

  test('a share takes the least, ties from the start', () => {
    expect([...maskOfShare(Float32Array.of(3, 1, 2, 1), 0.5)]).toEqual([1, 0, 1, 0]);
    expect([...maskOfShare(Float32Array.of(1, 1, 1, 1), 0.25)]).toEqual([0, 1, 1, 1]);
  });

  test('a pattern leaves what does not fill a block', () => {
    expect([...maskOfPattern(Float32Array.of(1, 2, 3, 4, 0), 5, { stay: 2, of: 4 })]).toEqual([0, 0, 1, 1, 1]);
  });

  test('one threshold over tensors gives the shares that sorting gives', () => {
    const random = createRandom(1);
    const tensors = [1, 5, 0.1].map((scale) =>
      Float32Array.from({ length: 400 }, () => Math.abs(random.normal()) * scale),
    );
    const all = Float32Array.from(tensors.flatMap((tensor) => [...tensor])).sort();
    const threshold = all[Math.floor(0.4 * all.length)];
    const expected = tensors.map((tensor) => tensor.filter((value) => value < threshold).length / tensor.length);
    expect(
      globalShares(
        tensors.map((tensor) => () => tensor),
        0.4,
      ),
    ).toEqual(expected);
  });
});

const features = 12;
const outputs = 5;

function problem() {
  const random = createRandom(4);
  const x = Float64Array.from({ length: 200 * features }, () => random.normal());
  // Features that share much: what one loses, others can make up for.
  for (let row = 0; row < 200; row++) {
    const common = 2 * random.normal();
    for (let feature = 0; feature < features; feature++) x[row * features + feature] += common;
  }
  const samples = matrixFrom(200, features, x);
  const hessian = multiplyTransposed(samples, samples).data.map((value) => value / 200);
  const rows = Float32Array.from({ length: outputs * features }, () => random.normal());
  return { hessian, rows };
}

/** tr((W − V)ᵀ H (W − V)) of rows [outputs, features]. */
function loss(hessian: Float64Array, a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let output = 0; output < outputs; output++) {
    for (let i = 0; i < features; i++) {
      for (let j = 0; j < features; j++) {
        const [at, other] = [output * features + i, output * features + j];
        total += (a[at] - b[at]) * hessian[i * features + j] * (a[other] - b[other]);
      }
    }
  }
  return total;
}

test('SparseGPT loses less than zeroing the same weights, and keeps its patterns', () => {
  const { hessian, rows } = problem();
  for (const pattern of [null, { stay: 2, of: 4 }]) {
    const { rows: sparse, mask } = sparsify(rows, hessian, features, { share: 0.5, pattern })!;
    const zeroed = rows.map((value, at) => (mask[at] ? value : 0));
    expect(mask.filter((stays) => stays === 0).length).toBe(rows.length / 2);
    expect(sparse.every((value, at) => mask[at] === 1 || value === 0)).toBe(true);
    expect(loss(hessian, sparse, rows)).toBeLessThan(0.8 * loss(hessian, zeroed, rows));
  }
});

test('masked least squares is the exact solution of every column', async () => {
  const { hessian, rows } = problem();
  const random = createRandom(8);
  const target = (i: number, o: number): number => rows[o * features + i];
  const mask = Uint8Array.from({ length: features * outputs }, () => (random.next() < 0.5 ? 1 : 0));
  const cross = new Float64Array(features * outputs);
  for (let i = 0; i < features; i++) {
    for (let o = 0; o < outputs; o++) {
      for (let j = 0; j < features; j++) cross[i * outputs + o] += hessian[i * features + j] * target(j, o);
    }
  }
  const products = new MatrixProducts(engine);
  const start = new Float64Array(features * outputs);
  const solved = await solveMasked({ hessian, cross, start, mask, features, outputs, ridge: 0 }, products);
  await products.close();
  for (let o = 0; o < outputs; o++) {
    const left = Array.from({ length: features }, (_, i) => i).filter((i) => mask[i * outputs + o]);
    const part = matrixFrom(
      left.length,
      left.length,
      left.flatMap((i) => left.map((j) => hessian[i * features + j])),
    );
    const exact = solvePositiveDefinite(
      part,
      matrixFrom(
        left.length,
        1,
        left.map((i) => cross[i * outputs + o]),
      ),
    )!;
    for (const [at, i] of left.entries()) expect(solved[i * outputs + o]).toBeCloseTo(exact.data[at], 3);
  }
  expect(solved.every((value, at) => mask[at] === 1 || value === 0)).toBe(true);
});

const inputWidth = 16;

function inputs(random: Random, rows: number): Float32Array {
  return Float32Array.from({ length: rows * inputWidth }, () => random.normal());
}

/** A wide layer that hardly reaches the output before a narrow one that is the output. */
function unequal() {
  return randomModel(
    `<ir_version: 10, opset_import: ["" : 17]> graph (float[n,16] x) => (float[n,4] y)
    <float[16,16] a = {...}, float[16,16] b = {...}, float[16,4] c = {...}, float scale = {0.01}> {
      s = MatMul (x, a)
      t = Mul (s, scale)
      u = MatMul (x, b)
      v = Add (t, u)
      y = MatMul (v, c)
    }`,
  );
}

async function prune(model: Model, options: object, samples: AsyncIterable<Feeds> | null) {
  const copy = cloneModel(model);
  const { signal } = new AbortController();
  const environment = { original: model, engine, workers: inlineWorkers, samples, signal, seed: 0 };
  return { model: copy, report: await runPass(copy, pruneWeights, options, environment) };
}

function drawn(rows: number): AsyncIterable<Feeds> {
  return {
    async *[Symbol.asyncIterator]() {
      const random = createRandom(7);
      for (let sample = 0; sample < 40; sample++) yield { x: float32Tensor([rows, inputWidth], inputs(random, rows)) };
    },
  };
}

test('where outputs move less, more goes: sensitivity', async () => {
  const { report } = await prune(unequal(), { ratio: 0.5, scope: 'sensitivity' }, drawn(4));
  const shares = new Map(report.changed.map(({ target, what }) => [target, Number.parseFloat(what)]));
  expect(report.metrics.zeroShare).toBeCloseTo(0.5, 1);
  expect(shares.get('s')).toBeGreaterThan(shares.get('u')! + 20);
  await expect(prune(unequal(), { scope: 'sensitivity' }, null)).rejects.toThrow(/real inputs/);
});

test('gradually: each step is fitted to the original, and the last has the share that was asked for', async () => {
  const { model, report } = await prune(unequal(), { ratio: 0.6, initialRatio: 0.2 }, drawn(4));
  expect(report.metrics.zeroShare).toBeCloseTo(0.6, 1);
  const held = { x: float32Tensor([8, inputWidth], inputs(createRandom(3), 8)) };
  const expected = (await outputsOf(unequal(), held)).y;
  const plain = await prune(unequal(), { ratio: 0.6 }, null);
  expect(relativeError((await outputsOf(model, held)).y, expected)).toBeLessThan(
    relativeError((await outputsOf(plain.model, held)).y, expected),
  );
  await expect(prune(unequal(), { ratio: 0.5, initialRatio: 0.5 }, null)).rejects.toThrow(/not below/);
  await expect(prune(unequal(), { pattern: '2:4', initialRatio: 0.2 }, null)).rejects.toThrow(/schedule/);
});

test.each(['1:4', '2:4', '3:8'])('of every block as many stay as %s says', async (pattern) => {
  const [stay, of] = pattern.split(':').map(Number);
  for (const samples of [null, drawn(4)]) {
    const { model } = await prune(unequal(), { pattern }, samples);
    const weight = [...model.graph.initializers].find(({ name }) => name === 'b')!.constant!.readFloat32();
    for (let column = 0; column < 16; column++) {
      for (let start = 0; start < 16; start += of) {
        const block = Array.from({ length: of }, (_, at) => weight[(start + at) * 16 + column]);
        expect(block.filter((value) => value !== 0)).toHaveLength(stay);
      }
    }
  }
});

test('real inputs make half of the weights do better than magnitudes alone, with the same number of zeros', async () => {
  const model = await loadModel(fixturePath('mlp.onnx'));
  const [{ name, type }] = model.graph.inputs;
  const width = type?.kind === 'tensor' ? (type.shape!.at(-1) as number) : 0;
  const random = createRandom(2);
  const rows = Array.from({ length: 40 }, () => Float32Array.from({ length: width * 4 }, () => random.normal()));
  const samples: AsyncIterable<Feeds> = {
    async *[Symbol.asyncIterator]() {
      for (const values of rows) yield { [name]: float32Tensor([4, width], values) };
    },
  };
  const held = {
    [name]: float32Tensor(
      [8, width],
      Float32Array.from({ length: 8 * width }, () => random.normal()),
    ),
  };
  const expected = Object.values(await outputsOf(model, held))[0];
  const errors: number[] = [];
  for (const given of [null, samples]) {
    const copy = cloneModel(model);
    const { signal } = new AbortController();
    const environment = { original: model, engine, workers: inlineWorkers, samples: given, signal, seed: 0 };
    const { metrics } = await runPass(copy, pruneWeights, { ratio: 0.5 }, environment);
    expect(metrics.zeroShare).toBeCloseTo(0.5, 2);
    errors.push(relativeError(Object.values(await outputsOf(copy, held))[0], expected));
  }
  expect(errors[1]).toBeLessThan(errors[0]);
});
