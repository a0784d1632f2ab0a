// How much the loss depends on rows of intermediate values, beside numerical derivatives of the loss.
import { expect, test } from 'vitest';
import type { Feeds } from '../../../src/engine/index.js';
import { parseModel } from '../../../src/ir/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { rowInformation } from '../../../src/training/index.js';
import { engine, outputsOf } from '../../fixture-models.js';

/** Two rows an example; the offset stands for a move of the hidden values. */
const model = (offset: readonly number[]) =>
  parseModel(`<ir_version: 8, opset_import: ["": 17]> g (float[1,2,2] x) => (float[1,3] y)
    <float[2,2] w = {0.5, -1, 2, 0.3}, float[1,2,2] d = {${offset}}, float[4,3] v = {1, -1, 0.5, 0.2, 0.7, -0.4, -0.8, 0.1, 0.9, 0.3, -0.6, 0.4}, int64[2] s = {1, 4}> {
      h = MatMul (x, w)
      m = Add (h, d)
      t = Tanh (m)
      r = Reshape (t, s)
      y = MatMul (r, v)
    }`);

const feeds: Feeds[] = [
  { x: float32Tensor([1, 2, 2], Float32Array.of(0.4, -0.3, 0.8, 0.1)) },
  { x: float32Tensor([1, 2, 2], Float32Array.of(-0.7, 0.2, 0.3, 0.6)) },
];

async function* samples(): AsyncGenerator<Feeds> {
  yield* feeds;
}

async function scores(offset: readonly number[], sample: Feeds): Promise<number[]> {
  return [...(await outputsOf(model(offset), sample)).y.readFloat32()];
}

test('squared slopes of the loss, summed over the channels of a row', async () => {
  const found = await rowInformation(model([0, 0, 0, 0]), ['h', 'y'], samples(), { engine, threads: 1 });
  expect(found.get('h')!.map(({ length }) => length)).toEqual([2, 2]);
  expect(found.get('y')!.map(({ length }) => length)).toEqual([1, 1]);
  for (const [index, sample] of feeds.entries()) {
    const own = await scores([0, 0, 0, 0], sample);
    const answer = own.indexOf(Math.max(...own));
    const loss = async (offset: readonly number[]): Promise<number> => {
      const moved = await scores(offset, sample);
      return Math.log(moved.reduce((sum, score) => sum + Math.exp(score), 0)) - moved[answer];
    };
    const squares = [0, 0];
    for (let i = 0; i < 4; i++) {
      const [up, down] = [0.01, -0.01].map((by) => [0, 1, 2, 3].map((at) => (at === i ? by : 0)));
      squares[i >> 1] += (((await loss(up)) - (await loss(down))) / 0.02) ** 2;
    }
    for (const [row, square] of squares.entries()) expect(found.get('h')![index][row]).toBeCloseTo(square, 3);
  }
});
