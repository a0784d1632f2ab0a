// What keeps a training from starting is told in words that say what to do.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseModel } from '../../src/ir/index.js';
import { Examples } from '../../src/training/examples/examples.js';
import { openExamples } from '../../src/training/examples/open-examples.js';
import { train } from '../../src/training/index.js';
import { npz } from '../data/numpy-files.js';
import { engine } from '../fixture-models.js';
import { inputs, network, optionsOf } from './small-models.js';

const folder = mkdtempSync(join(tmpdir(), 'dsopt-obstacles-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { signal } = new AbortController();
const environment = { engine, seed: 1, signal, finish: null, progress() {} };

test('nodes without gradients are counted by kind', async () => {
  const chain = (from: string, count: number): string =>
    Array.from({ length: count }, (_, i) => `${from}${i + 1} = Shrink <lambd = 0.1> (${from}${i})`).join('\n');
  const student = parseModel(`<ir_version: 8, opset_import: ["": 17]>
    g (float[n,4] x) => (float[n,3] y) <float[4,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3}> {
      s0 = MatMul (x, w)
      ${chain('s', 5)}
      y = Identity (s5)
    }`);
  const samples = [];
  for await (const feeds of inputs(8)) samples.push({ feeds, count: 1, targets: null, continues: false });
  const request = { student, teacher: network(1), examples: new Examples(samples, null, 0), rate: 1 };
  await expect(train({ ...request, options: optionsOf({ steps: 1 }) }, environment)).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: expect.stringMatching(/no gradient rule for Shrink \(Shrink s1, s2, s3 and 2 more\)/),
    hint: expect.stringMatching(/before the step/),
  });
});

test('inputs whose first axes differ are no batches', async () => {
  const path = join(folder, 'x.npz');
  const zeros = (shape: readonly number[], size: number) => ({
    dataType: 'float32' as const,
    shape,
    data: new Float32Array(size),
  });
  writeFileSync(path, npz({ x: zeros([6, 4], 24), state: zeros([6, 4], 24) }));
  const model = parseModel(
    '<ir_version: 8, opset_import: ["": 17]> g (float[1,4] x, float[2,4] state) => (float[2,4] y) { y = Add (x, state) }',
  );
  const source = { engine, samples: null, seed: 1, signal, maxBytes: Number.POSITIVE_INFINITY };
  await expect(openExamples(model, optionsOf({ data: path }), source)).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: expect.stringMatching(/first axis of x has 1 places and that of state 2/),
  });
});

test('a batch that the teacher does not take is told with its shapes', async () => {
  const samples = [];
  for await (const feeds of inputs(8)) samples.push({ feeds, count: 1, targets: null, continues: false });
  const teacher = parseModel(`<ir_version: 8, opset_import: ["": 17]>
    g (float[n,k] x) => (float[n,3] y) <float[5,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6}> {
      y = MatMul (x, w)
    }`);
  const request = { student: network(1), teacher, examples: new Examples(samples, null, 0), rate: 1 };
  await expect(train({ ...request, options: optionsOf({ steps: 1 }) }, environment)).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: expect.stringMatching(/batch of the data, x \[8, 4\]/),
  });
});
