// An evaluation that is interrupted and goes on gives what an uninterrupted one gives.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { evaluate } from '../../src/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { npz } from '../data/numpy-files.js';
import { temporaryFolder } from '../temporary-folder.js';
import { runCli } from './run-cli.js';
import { writePerceptron } from './small-models.js';

const folder = temporaryFolder();
const count = 30;
let models: string[];
let data: string;

beforeAll(async () => {
  models = [await writePerceptron(folder, 'first.onnx'), join(folder, 'second.onnx')];
  await runCli(['quantize', models[0], '-o', models[1]]);
  const random = createRandom(5);
  data = join(folder, 'rows.npz');
  writeFileSync(
    data,
    npz({
      x: {
        dataType: 'float32',
        shape: [count, 64],
        data: Float32Array.from({ length: count * 64 }, () => random.normal()),
      },
      labels: {
        dataType: 'int64',
        shape: [count],
        data: BigInt64Array.from({ length: count }, () => BigInt(random.int(64))),
      },
    }),
  );
});

const metrics = ['top5', 'f1', 'perplexity'];
const checkpoints = () => readdirSync(folder).filter((name) => name.includes('checkpoint'));

async function interruptAfter(examples: number): Promise<void> {
  const controller = new AbortController();
  const onProgress = (done: number): void => {
    if (done >= examples) controller.abort();
  };
  const running = evaluate(models, { data, metrics, batch: 4, resume: true, signal: controller.signal, onProgress });
  await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
}

test('goes on where it was, to the same figures and intervals', async () => {
  const whole = await evaluate(models, { data, metrics, batch: 4 });
  await interruptAfter(8);
  expect(checkpoints()).toEqual(['.second.onnx.eval-checkpoint']);
  await interruptAfter(20);
  const seen: number[] = [];
  const onProgress = (done: number): void => {
    seen.push(done);
  };
  const resumed = await evaluate(models, { data, metrics, batch: 4, resume: true, onProgress });
  expect(seen[0]).toBe(24);
  expect({ ...resumed, timing: null }).toEqual({ ...whole, timing: null });
  expect(checkpoints()).toEqual([]);
});

test('begins anew when something else is evaluated', async () => {
  await interruptAfter(8);
  const other = await evaluate(models, { data, metrics: ['top1'], batch: 4, resume: true });
  expect(other).toMatchObject({ data: { examples: count } });
  expect({ ...other, timing: null }).toEqual({
    ...(await evaluate(models, { data, metrics: ['top1'], batch: 4 })),
    timing: null,
  });
});

test('Ctrl-C ends with 130, and without --resume nothing is left', async () => {
  const endless = join(folder, 'endless.mjs');
  writeFileSync(endless, 'export default function* () { for (;;) yield { x: new Float32Array(64) }; }');
  const { code } = await runCli(['eval', ...models, '--data', endless, '--metric', 'sqnr'], {
    onLog: (_, interrupt) => setTimeout(interrupt, 50),
  });
  expect(code).toBe(130);
  expect(checkpoints()).toEqual([]);
});
