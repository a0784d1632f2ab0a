// `dsopt distill` and `dsopt heal` as commands.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parseModel } from '../../src/ir/index.js';
import { loadModel, saveModel } from '../../src/onnx/index.js';
import { float32Tensor } from '../../src/tensor/index.js';
import { temporaryFolder } from '../temporary-folder.js';
import { inputs, network } from '../training/small-models.js';
import { runCli } from './run-cli.js';

const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);
const quick = ['--no-measure', '--threads', '1', '--batch', '16', '--quiet'];

beforeAll(async () => {
  const teacher = network(1);
  await saveModel(teacher, path('teacher.onnx'));
  await saveModel(network(2, 3), path('student.onnx'));
  const w2 = [...teacher.graph.initializers].find(({ name }) => name === 'w2')!;
  w2.constant = float32Tensor(
    w2.constant!.shape,
    w2.constant!.readFloat32().map((value) => Math.round(2 * value) / 2),
  );
  await saveModel(teacher, path('damaged.onnx'));
  const lines: string[] = [];
  for await (const { x } of inputs(200)) lines.push(JSON.stringify({ x: [...x.readFloat32()] }));
  writeFileSync(path('data.jsonl'), lines.join('\n'));
});

test('distill writes a trained student and says what it cost', async () => {
  const { code, stdout, stderr } = await runCli([
    ...['distill', '--teacher', path('teacher.onnx'), '--student', path('student.onnx'), '--data', path('data.jsonl')],
    ...['-o', path('out.onnx'), '--lr', '0.02', '--epochs', '4', ...quick],
  ]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('out.onnx');
  const written = await loadModel(path('out.onnx'));
  expect([...written.graph.initializers].find(({ name }) => name === 'w1')!.constant!.shape).toEqual([4, 3]);
});

test('heal brings a damaged model closer to its teacher', async () => {
  const { code, stdout } = await runCli([
    ...['heal', path('damaged.onnx'), '--teacher', path('teacher.onnx'), '--data', path('data.jsonl'), '--json'],
    ...['-o', path('healed.onnx'), '--lr', '0.01', '--epochs', '4', ...quick],
  ]);
  expect(code).toBe(0);
  const report = JSON.parse(stdout) as { command: string; passes: { metrics: Record<string, number> }[] };
  expect(report.command).toBe('heal');
  const [{ metrics }] = report.passes;
  expect(metrics.heldOutLossAfter).toBeLessThan(metrics.heldOutLossBefore);
});

test('an interrupted training writes the best so far', async () => {
  const log = path('steps.jsonl');
  let interruptOnce: (() => void) | null = null;
  const watch = setInterval(() => {
    if (!interruptOnce || !existsSync(log) || statSync(log).size === 0) return;
    clearInterval(watch);
    interruptOnce();
  }, 20);
  const { code, stderr } = await runCli(
    [
      ...['heal', path('damaged.onnx'), '--teacher', path('teacher.onnx'), '--data', path('data.jsonl'), '--log', log],
      ...['-o', path('interrupted.onnx'), '--steps', '100000', '--no-measure', '--threads', '1', '--batch', '16'],
    ],
    {
      onLog: (_, interrupt) => {
        interruptOnce = interrupt;
      },
    },
  );
  expect(code).toBe(0);
  expect(stderr).toContain('interrupted');
  expect(existsSync(path('interrupted.onnx'))).toBe(true);
});

test.each(['heal', 'run'])('interrupted before training begins, %s ends', async (command) => {
  const recipe = path('recipe.yaml');
  writeFileSync(
    recipe,
    `version: 1\nsteps: [{ pass: heal, teacher: teacher.onnx, data: data.jsonl, steps: 100000, threads: 1, batch: 16 }]\n`,
  );
  const output = path(`${command}.never.onnx`);
  const data = ['--teacher', path('teacher.onnx'), '--data', path('data.jsonl'), '--steps', '100000'];
  const { code } = await runCli(
    command === 'heal'
      ? ['heal', path('damaged.onnx'), ...data, '-o', output, '--no-measure']
      : ['run', recipe, '-i', path('damaged.onnx'), '-o', output, '--no-measure'],
    { onLog: (text, interrupt) => text.endsWith('load …\n') && interrupt() },
  );
  expect(code).toBe(130);
  expect(existsSync(output)).toBe(false);
});

test('a loss that does not exist is a usage error', async () => {
  const { code, stderr } = await runCli([
    ...['heal', path('damaged.onnx'), '--teacher', path('teacher.onnx'), '--data', path('data.jsonl')],
    ...['-o', path('never.onnx'), '--loss', 'logit:1', ...quick],
  ]);
  expect(code).toBe(2);
  expect(stderr).toContain('logits');
  expect(existsSync(path('never.onnx'))).toBe(false);
});

test('a model that cannot be trained ends heal, and is left as it is by a recipe', async () => {
  await saveModel(
    parseModel(`<ir_version: 8, opset_import: ["": 17]>
      g (float[n,4] x) => (float[n,3] y) <float[4,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3}> {
        s = MatMul (x, w)
        y = Shrink <lambd = 0.1> (s)
      }`),
    path('shrink.onnx'),
  );
  const { code, stderr } = await runCli([
    ...['heal', path('shrink.onnx'), '--teacher', path('teacher.onnx'), '--data', path('data.jsonl')],
    ...['-o', path('refused.onnx'), ...quick],
  ]);
  expect([code, existsSync(path('refused.onnx'))]).toEqual([3, false]);
  expect(stderr).toContain('no gradient rule for Shrink');
  const step = { pass: 'heal', teacher: path('teacher.onnx'), data: path('data.jsonl') };
  writeFileSync(path('recipe.json'), JSON.stringify({ version: 1, steps: [step] }));
  const { code: ofRecipe, stdout } = await runCli([
    ...['run', path('recipe.json'), '-i', path('shrink.onnx'), '-o', path('kept.onnx'), '--no-measure', '--json'],
  ]);
  expect([ofRecipe, existsSync(path('kept.onnx'))]).toEqual([0, true]);
  expect(stdout).toContain('no gradient rule for Shrink');
});
