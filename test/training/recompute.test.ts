// Gradient checkpointing: the same gradients, fewer values at once.
import { expect, test } from 'vitest';
import { type Model, parseModel } from '../../src/ir/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { float32Tensor, type Tensor } from '../../src/tensor/index.js';
import { buildTrainingGraph } from '../../src/training/graphs/training-graph.js';
import { planLosses } from '../../src/training/losses/loss-plan.js';
import { TrainedWeights } from '../../src/training/weights/trained-weights.js';
import { engine, outputsOf } from '../fixture-models.js';

const width = 8;
const rows = 64;
const random = createRandom(3);

function normal(shape: readonly number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return float32Tensor(
    shape,
    Float32Array.from({ length: size }, () => 0.4 * random.normal()),
  );
}

/** Residual blocks, one behind the other, that all hear of the input's mask as well. */
function blocks(count: number): Model {
  const body = Array.from({ length: count }, (_, i) => {
    const from = i === 0 ? 'x' : `x${i}`;
    return `a${i} = MatMul (${from}, v${i})
      b${i} = Tanh (a${i})
      m${i} = Where (mask, b${i}, zero)
      c${i} = MatMul (m${i}, w${i})
      e${i} = Sigmoid (c${i})
      x${i + 1} = Add (${from}, e${i})`;
  });
  const names = Array.from({ length: count }, (_, i) => [`v${i}`, `w${i}`]).flat();
  const model = parseModel(`<ir_version: 8, opset_import: ["": 17]>
    g (float[n,${width}] x) => (float[n,${width}] x${count})
    <float zero = {0}, float half = {0.5}, ${names.map((name) => `float[1] ${name} = {0}`)}> {
      mask = Greater (x, half)
      ${body.join('\n')}
    }`);
  for (const value of model.graph.initializers) {
    if (names.includes(value.name)) value.constant = normal([width, width]);
  }
  return model;
}

async function stepOf(student: Model, recompute: boolean) {
  const weights = TrainedWeights.of(student);
  const feeds = { x: inputs };
  const output = student.graph.outputs[0].name;
  const graph = await buildTrainingGraph({
    student,
    weights: weights.names,
    losses: planLosses(student, student, [{ name: 'logits', weight: 1 }]),
    temperature: 1,
    feeds,
    teacher: { [output]: targets },
    labels: null,
    projections: new Map(),
    recompute,
    engine,
  });
  const session = await engine.open(graph.model, { threads: 1 });
  const results = await session.run({ ...feeds, ...weights.feeds(), [`training/teacher/${output}`]: targets });
  await session.close();
  const gradients = new Map([...graph.gradients].map(([name, value]) => [name, results[value].readFloat32().slice()]));
  return { gradients, bytes: graph.bytes, nodes: graph.model.graph.nodeCount };
}

const inputs = normal([rows, width]);
const targets = normal([rows, width]);

test('gradients are the same bit by bit, and fewer values are alive at once', async () => {
  const student = blocks(16);
  const [plain, less] = [await stepOf(student, false), await stepOf(student, true)];
  expect(plain.gradients.size).toBe(32);
  expect([...less.gradients.keys()]).toEqual([...plain.gradients.keys()]);
  for (const [name, gradient] of plain.gradients) {
    expect(gradient.some((value) => value !== 0)).toBe(true);
    expect(Buffer.compare(Buffer.from(gradient.buffer), Buffer.from(less.gradients.get(name)!.buffer))).toBe(0);
  }
  expect(less.nodes).toBeGreaterThan(plain.nodes);
  expect(less.bytes).toBeLessThan(0.6 * plain.bytes);
});

test('the model itself is left alone', async () => {
  const student = blocks(4);
  const before = await outputsOf(student, { x: inputs });
  await stepOf(student, true);
  expect([...(await outputsOf(student, { x: inputs })).x4.readFloat32()]).toEqual([...before.x4.readFloat32()]);
});
