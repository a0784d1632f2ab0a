// Distillation as a pass: students cut from their teacher, or from a file, behind the teacher's interface.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { distill } from '../../../passes/distill/index.js';
import { type Model, parseModel, verifyModel } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { saveModel } from '../../../src/onnx/index.js';
import type { Pass } from '../../../src/pass/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { npz } from '../../data/numpy-files.js';
import { outputsOf, runOnCopy } from '../../fixture-models.js';
import { temporaryFolder } from '../../temporary-folder.js';

const folder = temporaryFolder();
const pass = distill as unknown as Pass;

/** A residual network of `blocks` blocks; block number `idle` adds next to nothing. */
function residualNetwork(blocks: number, idle = -1): Model {
  const lines: string[] = [];
  const weights: string[] = [];
  for (let i = 0; i < blocks; i++) {
    weights.push(`float[8,8] w${i} = {${new Array(64).fill(0)}}`);
    lines.push(`m${i} = MatMul (s${i}, w${i}) t${i} = Tanh (m${i}) s${i + 1} = Add (s${i}, t${i})`);
  }
  const model = parseModel(`<ir_version: 8, opset_import: ["": 17]>
    g (float[n,4] x) => (float[n,3] y) <float[4,8] first = {${new Array(32).fill(0)}}, ${weights.join(', ')}, float[8,3] last = {${new Array(24).fill(0)}}> {
      s0 = MatMul (x, first)
      ${lines.join('\n')}
      y = MatMul (s${blocks}, last)
    }`);
  const random = createRandom(5);
  for (const value of model.graph.initializers) {
    const { shape, size } = value.constant!;
    const scale = value.name === `w${idle}` ? 0.1 : 0.5;
    value.constant = float32Tensor(
      shape,
      Float32Array.from({ length: size }, () => scale * random.normal()),
    );
  }
  return model;
}

test('layers:N leaves the blocks out that matter least, and repairs what is left', async () => {
  const { model, report } = await runOnCopy(residualNetwork(4, 2), pass, { student: 'layers:3', steps: 2, threads: 1 });
  verifyModel(model);
  expect([...model.graph.nodes()].filter((node) => node.is('Tanh'))).toHaveLength(3);
  expect([...model.graph.initializers].map(({ name }) => name)).not.toContain('w2');
  expect(report.changed).toContainEqual({ target: 'residual blocks', what: 'numbers 2 left out, counted from 0' });
  // No weight stands behind the Tanh: a scale and a shift of each channel take the place of the block.
  expect(report.changed.some(({ what }) => what.includes('in the place of what was left out'))).toBe(true);
  expect(report.metrics.steps).toBe(2);
});

test('more blocks than there are is an error', async () => {
  await expect(runOnCopy(residualNetwork(2), pass, { student: 'layers:2' })).rejects.toMatchObject({ code: 'USAGE' });
  await expect(runOnCopy(residualNetwork(2), pass, { student: 'layers:none' })).rejects.toMatchObject({
    code: 'USAGE',
  });
});

test('a student from a file takes the place of its teacher, with its names', async () => {
  const path = join(folder, 'student.onnx');
  await saveModel(
    parseModel(`<ir_version: 8, opset_import: ["": 17]>
      g (float[n,4] input) => (float[n,3] scores) <float[4,3] w = {1,0,0,0,1,0,0,0,1,1,1,1}> { scores = MatMul (input, w) }`),
    path,
  );
  const teacher = residualNetwork(2);
  const { model, report } = await runOnCopy(teacher, pass, {
    student: path,
    epochs: 30,
    batch: 4,
    lr: 0.05,
    threads: 1,
  });
  verifyModel(model);
  expect(model.graph.inputs.map(({ name }) => name)).toEqual(['x']);
  expect(model.graph.outputs.map(({ name }) => name)).toEqual(['y']);
  expect(report.metrics.lossOfLastStep).toBeLessThan(report.metrics.lossOfFirstStep);
  const outputs = await outputsOf(model, { x: float32Tensor([1, 4], [1, 2, 3, 4]) });
  expect(outputs.y.shape).toEqual([1, 3]);
});

test('features of another width are compared through a projection that is not kept', async () => {
  const path = join(folder, 'narrow.onnx');
  const random = createRandom(8);
  const list = (count: number): string => Array.from({ length: count }, () => random.normal().toFixed(3)).join(', ');
  await saveModel(
    parseModel(`<ir_version: 8, opset_import: ["": 17]>
      g (float[n,4] x) => (float[n,3] y) <float[4,5] a = {${list(20)}}, float[5,5] b = {${list(25)}}, float[5,3] c = {${list(15)}}> {
        s = MatMul (x, a) m = MatMul (s, b) t = Tanh (m) r = Add (s, t) y = MatMul (r, c)
      }`),
    path,
  );
  const { model } = await runOnCopy(residualNetwork(2), pass, {
    student: path,
    loss: 'logits:1,features:1,relations:1',
    steps: 3,
    threads: 1,
  });
  expect([...model.graph.initializers].map(({ name }) => name)).toEqual(['a', 'b', 'c']);
});

test('old data is mixed in without its answers', async () => {
  const write = (name: string, count: number, seed: number): string => {
    const random = createRandom(seed);
    const x = Float32Array.from({ length: 4 * count }, () => random.normal());
    const path = join(folder, name);
    const labels = { dataType: 'int64', shape: [count], data: new BigInt64Array(count) } as const;
    writeFileSync(path, npz({ x: { dataType: 'float32', shape: [count, 4], data: x }, labels }));
    return path;
  };
  const options = { data: write('new.npz', 40, 1), epochs: 1, batch: 60, threads: 1, holdout: 0 };
  const alone = await runOnCopy(residualNetwork(2), pass, { ...options, loss: 'labels:1', initialize: 'random' });
  const replayed = { ...options, replay: write('old.npz', 20, 2), loss: 'labels:1', initialize: 'random' };
  const both = await runOnCopy(residualNetwork(2), pass, replayed);
  // One step either way: of all 60 examples, of which only the new ones have answers.
  expect(both.report.metrics.steps).toBe(1);
  expect(both.report.metrics.lossOfFirstStep).toBeCloseTo(alone.report.metrics.lossOfFirstStep, 4);
});

test('paths start where the recipe lies', () => {
  const given = pass.options.parse({ student: 'layers:2', data: 'train', tokenizer: '/abs/t.json', log: 'a.jsonl' });
  const located = pass.locate!(given, '/recipes');
  expect(located).toMatchObject({
    student: 'layers:2',
    data: '/recipes/train',
    tokenizer: '/abs/t.json',
    log: '/recipes/a.jsonl',
  });
  expect(pass.locate!(pass.options.parse({ student: 's.onnx' }), '/recipes').student).toBe('/recipes/s.onnx');
});
