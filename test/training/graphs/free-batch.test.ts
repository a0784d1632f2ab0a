// Models that declare the length of their batch axis take any number of examples while they are trained, where their examples stay apart.
import { expect, test } from 'vitest';
import type { Feeds } from '../../../src/engine/index.js';
import { type Model, parseModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { Examples } from '../../../src/training/examples/examples.js';
import { fixedBatch, withFreeBatch } from '../../../src/training/graphs/free-batch.js';
import { train } from '../../../src/training/index.js';
import { engine } from '../../fixture-models.js';
import { network, optionsOf } from '../small-models.js';

function draw(count: number, shape: readonly number[], name = 'x'): Feeds[] {
  const random = createRandom(5);
  const size = shape.reduce((product, length) => product * length, 1);
  return Array.from({ length: count }, () => ({
    [name]: float32Tensor(
      shape,
      Float32Array.from({ length: size }, () => random.normal()),
    ),
  }));
}

/** What an exporter writes of a batch of one: targets of Reshape, a class token, sizes, an initial state, types in between. */
const exported = `<ir_version: 8, opset_import: ["": 17]>
  g (float[1,8] x) => (float[1,6] y)
  <int64[3] split = {1, 2, 4}, float[1,1,4] token = {1, 2, 3, 4}, int64[4] sizes = {1, 1, 6, 4}, int64[4] image = {1, 1, 3, 4},
   float[1,1,2] state = {0, 0}, float[1,2,4] w = {1, 2, 3, 4, 4, 3, 2, 1}, float[1,2,2] r = {0.1, 0.2, 0.3, 0.4},
   int64[2] last = {1, -1}, int64[3] three = {1, 3, 2}>
  {
    parts = Reshape (x, split)
    joined = Concat <axis = 1> (token, parts)
    picture = Reshape (joined, image)
    larger = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (picture, , , sizes)
    pooled = ReduceMean <axes = [1], keepdims = 0> (larger)
    turned = Transpose <perm = [1, 0, 2]> (pooled)
    steps, end = RNN <hidden_size = 2> (turned, w, r, , , state)
    ends = Transpose <perm = [1, 0, 2]> (end)
    cells = Expand (ends, three)
    y = Reshape (cells, last)
  }`;

test('what a file writes of its batch of one follows the batch', async () => {
  const model = parseModel(exported);
  const samples = draw(3, [1, 8]);
  const free = (await withFreeBatch(model, samples, engine))!;
  expect([fixedBatch(model), fixedBatch(free)]).toEqual([1, null]);
  const single = await engine.open(model);
  const many = await engine.open(free);
  const wanted: number[] = [];
  for (const feeds of samples) wanted.push(...(await single.run(feeds)).y.readNumbers());
  const { y } = await many.run({
    x: float32Tensor([3, 8], Float32Array.from(samples.flatMap(({ x }) => x.readNumbers()))),
  });
  expect(y.shape).toEqual([3, 6]);
  for (const [i, value] of y.readNumbers().entries()) expect(value).toBeCloseTo(wanted[i], 5);
  await single.close();
  await many.close();
});

test('a first axis along which examples depend on each other stays as it is', async () => {
  const model = parseModel(`<ir_version: 8, opset_import: ["": 17]>
    g (float[4,3] x) => (float[4,3] y) <int64 axis = {0}> { y = CumSum (x, axis) }`);
  expect(await withFreeBatch(model, draw(6, [4, 3]), engine)).toBeNull();
});

/** Four rows at once, from each of which their mean is taken. */
function centred(seed: number): Model {
  const weights = Array.from({ length: 12 }, (_, i) => (((i * seed) % 7) - 3) / 4);
  return parseModel(`<ir_version: 8, opset_import: ["": 17]>
    g (float[4,4] x) => (float[4,3] y) <float[4,3] w = {${weights.join(', ')}}> {
      mean = ReduceMean <axes = [0]> (x)
      apart = Sub (x, mean)
      y = MatMul (apart, w)
    }`);
}

test.each([
  ['rows', 1, 24, 3],
  ['whole batches', 4, 6, 3],
])(
  'where they do, %s are trained on in batches of the length that the model declares',
  async (_, rows, count, steps) => {
    const student = centred(2);
    const samples = draw(count, [rows, 4]).map((feeds) => ({ feeds, count: rows, targets: null, continues: false }));
    const result = await train(
      {
        student,
        teacher: centred(3),
        examples: new Examples(samples, null, 0),
        options: optionsOf({ batch: rows === 1 ? 8 : 2, epochs: 1 }),
        rate: 0.03,
      },
      { engine, seed: 3, signal: new AbortController().signal, finish: null, progress() {} },
    );
    expect([result.steps, result.batch]).toEqual([steps, rows === 1 ? 4 : 1]);
    expect(fixedBatch(student)).toBe(4);
  },
);

test('a teacher of one example at a time teaches batches, and a student of one keeps its shape', async () => {
  const student = network(2);
  const teacher = network(1);
  for (const model of [student, teacher])
    model.graph.inputs[0].type = { kind: 'tensor', dataType: 'float32', shape: [1, 4] };
  const samples = draw(32, [1, 4]).map((feeds) => ({ feeds, count: 1, targets: null, continues: false }));
  const request = { student, teacher, examples: new Examples(samples, null, 0), rate: 0.03 };
  const result = await train(
    { ...request, options: optionsOf({ batch: 16, epochs: 4 }) },
    { engine, seed: 3, signal: new AbortController().signal, finish: null, progress() {} },
  );
  expect([result.steps, result.batch]).toEqual([8, 16]);
  expect(result.losses[7]).toBeLessThan(result.losses[0]);
  expect(fixedBatch(student)).toBe(1);
});
